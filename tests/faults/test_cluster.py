"""A broker of three nodes with three copies of each stream: one dies, the leader, or one stops."""

import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.faults.cluster import NODES, ClusteredSystem
from tests.faults.fault import Fault, World
from tests.faults.table import Table
from tests.faults.trial import survived


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[ClusteredSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-cluster-") as folder:
        clustered = ClusteredSystem(Path(folder))
        async with clustered.up():
            yield clustered


async def _leader(world: World) -> str:
    return await cast("ClusteredSystem", world.system).leader()


@asynccontextmanager
async def follower_killed(world: World) -> AsyncIterator[None]:
    followers = [name for name in NODES if name != await _leader(world)]
    world.system.signal(world.random.choice(followers), signal.SIGKILL)
    yield


@asynccontextmanager
async def leader_killed(world: World) -> AsyncIterator[None]:
    world.system.signal(await _leader(world), signal.SIGKILL)
    yield


@asynccontextmanager
async def node_frozen(world: World) -> AsyncIterator[None]:
    with world.system.paused(world.random.choice(NODES)):
        await world.a_while(15)
        yield


FAULTS = [
    Fault("cluster of three: a follower killed", follower_killed),
    Fault("cluster of three: the leader killed", leader_killed),
    Fault("cluster of three: a node frozen", node_frozen),
]


async def test_nothing_promised_is_lost_or_doubled_by_a_cluster(
    fault: Fault, turn: int, world: World, system: ClusteredSystem, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
    await system.whole()
