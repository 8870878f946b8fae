"""Whatever goes wrong under load: nothing is lost, nothing doubled, and all is well again."""

import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults import database, load, processes
from tests.faults.fault import Fault, Table, World
from tests.faults.ledger import balance

_IMPATIENT = {"ACK_WAIT_SECONDS": "6", "DATABASE_TIMEOUT_SECONDS": "4"}
_FUNCTIONS = ("gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter")
_SHORT = ("SIGKILL of gateway", "SIGKILL of fb-collector", "SIGSTOP and SIGCONT of nats")

FAULTS = [
    *processes.faults_of(*_FUNCTIONS, "nats", short=_SHORT),
    # SIGTERM would let it wait for its clients to leave, and pools never do.
    *processes.faults_of("postgres", end=signal.SIGINT),
    *database.FAULTS,
    *load.FAULTS,
]


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-faults-") as folder:
        running = WholeSystem(Path(folder) / "data", **_IMPATIENT)
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_nothing_promised_is_lost_or_doubled(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    async with world.sender.sending():
        await world.sender.accepted(3)
        await world.a_while(0.5)
        async with fault.inject(world):
            await world.a_while(0.5)
        await world.sender.accepted(5)
    await world.system.all_ready(*_FUNCTIONS)

    found = await balance(world.system, world.sender)

    table.add(fault.name, found)
    assert turn  # repeated at other moments
    assert not found.lost
    assert not found.doubled
    assert not found.differences
    assert set(world.sender.statuses) <= {0, 202, 503}
