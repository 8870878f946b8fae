"""Three gateways and two of each collector at once, while some of them die."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults import processes
from tests.faults.fault import Fault, Table, World
from tests.faults.ledger import balance

_IMPATIENT = {"ACK_WAIT_SECONDS": "6", "DATABASE_TIMEOUT_SECONDS": "4"}
_SCALE = ("gateway=3", "fb-collector=2", "ttk-collector=2")
FAULTS = processes.faults_of("gateway-2", "fb-collector-2", "ttk-collector-2")


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-replicas-") as folder:
        running = WholeSystem(Path(folder) / "data", scale=_SCALE, **_IMPATIENT)
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_nothing_promised_is_lost_or_doubled_by_many_replicas(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    async with world.sender.sending():
        await world.sender.accepted(6)
        async with fault.inject(world):
            await world.a_while(0.5)
        await world.sender.accepted(6)
    await world.system.all_ready("gateway", "fb-collector", "ttk-collector")

    found = await balance(world.system, world.sender)

    table.add(f"{fault.name}, of {' '.join(_SCALE)}", found)
    assert turn  # repeated at other moments
    assert not found.lost
    assert not found.doubled
    assert not found.differences
