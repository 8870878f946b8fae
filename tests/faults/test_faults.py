"""For any fault under load: nothing is lost or doubled, and the system recovers."""

import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults import database, hostile, load, processes
from tests.faults.fault import FUNCTIONS, IMPATIENT, Fault, World
from tests.faults.table import Table
from tests.faults.trial import survived

_SHORT = ("SIGKILL of gateway", "SIGKILL of fb-collector", "SIGSTOP and SIGCONT of nats")

FAULTS = [
    *processes.faults_of(*FUNCTIONS, "nats", short=_SHORT),
    # SIGTERM would make it wait for its clients to disconnect, and pools never do
    *processes.faults_of("postgres", end=signal.SIGINT),
    *database.FAULTS,
    *load.FAULTS,
    *hostile.FAULTS,
]


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-faults-") as folder:
        running = WholeSystem(Path(folder) / "data", **IMPATIENT, BODY_TIMEOUT_SECONDS="30")
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_nothing_promised_is_lost_or_doubled(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
