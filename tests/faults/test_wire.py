"""Bytes between functions and servers: held back, cut, lost, or the last of a process."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults import network, phases
from tests.faults.fault import Fault, World
from tests.faults.kept_system import KeptSystem
from tests.faults.table import Table
from tests.faults.trial import survived

FAULTS = [*network.FAULTS, *phases.FAULTS]


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[KeptSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-wire-") as folder:
        kept = KeptSystem(Path(folder))
        async with kept.up():
            yield kept


async def test_nothing_promised_is_lost_or_doubled_on_the_wire(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
