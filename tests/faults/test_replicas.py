"""Three gateways and two of each collector at once, while some of them die."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults import processes
from tests.faults.fault import IMPATIENT, Fault, World
from tests.faults.table import Table
from tests.faults.trial import survived

_SCALE = ("gateway=3", "fb-collector=2", "ttk-collector=2")
FAULTS = [
    replace(fault, name=f"{fault.name}, of {' '.join(_SCALE)}")
    for fault in processes.faults_of("gateway-2", "fb-collector-2", "ttk-collector-2")
]


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-replicas-") as folder:
        running = WholeSystem(Path(folder) / "data", scale=_SCALE, **IMPATIENT)
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_nothing_promised_is_lost_or_doubled_by_many_replicas(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
