"""The disk of either server full under load."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults.disks import SmallDisk, mounted
from tests.faults.fault import IMPATIENT, Fault, World
from tests.faults.table import Table
from tests.faults.trial import survived

_SETTINGS = {
    **IMPATIENT,
    "EVENTS_STREAM_MAX_BYTES": "64mb",
    "DEAD_LETTERS_STREAM_MAX_BYTES": "16mb",
}
_MEGABYTES = {"nats": 160, "postgres": 600}
_DISKS: dict[str, SmallDisk] = {}


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-disks-") as folder, ExitStack() as disks:
        data = Path(folder) / "data"
        _DISKS.update(_mount(data, disks))
        running = WholeSystem(data, **_SETTINGS)
        await running.start()
        yield running
        assert await running.stop() == 0


def _mount(data: Path, disks: ExitStack) -> Mapping[str, SmallDisk]:
    try:
        return {
            name: disks.enter_context(mounted(data / name, size))
            for name, size in _MEGABYTES.items()
        }
    except OSError as error:
        pytest.skip(f"no small file system can be mounted here: {error}")


@asynccontextmanager
async def _full(name: str, world: World) -> AsyncIterator[None]:
    _DISKS[name].fill()
    try:
        await world.a_while(8)
        yield
    finally:
        _DISKS[name].free()


@asynccontextmanager
async def _nats(world: World) -> AsyncIterator[None]:
    async with _full("nats", world):
        yield


@asynccontextmanager
async def _postgres(world: World) -> AsyncIterator[None]:
    async with _full("postgres", world):
        yield


FAULTS = [Fault("the disk of NATS full", _nats), Fault("the disk of PostgreSQL full", _postgres)]


async def test_nothing_promised_is_lost_or_doubled_when_a_disk_was_full(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
