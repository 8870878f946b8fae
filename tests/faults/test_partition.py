"""A network that separates one of three brokers, and its gateway, from the others."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.faults.cluster import NODES
from tests.faults.fault import Fault, Inject, World
from tests.faults.partition import PartitionedSystem
from tests.faults.table import Table
from tests.faults.trial import survived

_PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[PartitionedSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-partition-") as folder:
        parted = PartitionedSystem(Path(folder))
        async with parted.up():
            yield parted


def _parted(*, leads: bool) -> Inject:
    """Separate the leader, or a follower, from the others."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        system = cast("PartitionedSystem", world.system)
        leader = await system.leader()
        alone = leader if leads else world.random.choice([it for it in NODES if it != leader])
        with system.apart(alone) as url:
            assert await _answers(world, url) == {httpx.codes.SERVICE_UNAVAILABLE}
            await world.sender.accepted(5)
            assert await _answers(world, url) == {httpx.codes.SERVICE_UNAVAILABLE}
        yield

    return inject


async def _answers(world: World, url: str) -> set[int]:
    """Post to one gateway; return the answers."""
    sender = replace(world.sender, urls=[url])
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
        posts = [sender.post(client, sender.events(20)) for _ in range(4)]
        return set(await asyncio.gather(*posts))


FAULTS = [
    Fault(
        "cluster of three: the leader parted from the others", _parted(leads=True), is_short=True
    ),
    Fault("cluster of three: a follower parted from the others", _parted(leads=False)),
]


async def test_nothing_promised_is_lost_or_doubled_by_a_parted_network(
    fault: Fault, turn: int, world: World, system: PartitionedSystem, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
    await system.whole()
