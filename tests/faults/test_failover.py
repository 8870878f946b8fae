"""The replica is stopped, then the primary is lost for good, and the replica is promoted."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.contract.broker import eventually
from tests.faults.fault import IMPATIENT, Fault, World
from tests.faults.kept_system import CLIENTS
from tests.faults.kept_window import replay_all
from tests.faults.replicated import ReplicatedSystem
from tests.faults.table import Table
from tests.faults.trial import survived

_COMES_AGAIN_SECONDS = 2.5 * float(IMPATIENT["DATABASE_TIMEOUT_SECONDS"])
"""Until each message was delivered at least twice, each of its commits waits."""

_SETTLED_ALONE = "SELECT count(*) FROM envelopes"


_ASYNCHRONOUS = "an asynchronous replica behind, the primary lost, what was kept replayed"


@pytest.fixture
async def system(fault: Fault) -> AsyncIterator[ReplicatedSystem]:
    is_synchronous = fault.name != _ASYNCHRONOUS
    kept = {} if is_synchronous else {"KEEP_SETTLED_SECONDS": "3600"}
    with tempfile.TemporaryDirectory(prefix="eps-failover-") as folder:
        replicated = ReplicatedSystem(Path(folder), is_synchronous=is_synchronous, **kept)
        async with replicated.up():
            yield replicated


@asynccontextmanager
async def primary_lost_after_its_replica_was_away(world: World) -> AsyncIterator[None]:
    """Let commits remain on the primary only, be redelivered there, and be lost with it."""
    system = cast("ReplicatedSystem", world.system)
    [[before]] = await system.fetch(_SETTLED_ALONE)

    async def stand_alone() -> bool:
        return bool((await system.fetch(_SETTLED_ALONE))[0][0] > before)

    async with system.without_a_replica():
        await world.sender.accepted(5)
        system.proxies[
            "gateway", CLIENTS
        ].stall()  # so that redelivered messages are processed alone
        await eventually(stand_alone)
        await asyncio.sleep(_COMES_AGAIN_SECONDS)
        await system.lose_primary()
    system.proxies["gateway", CLIENTS].heal()
    await system.promote()
    yield


@asynccontextmanager
async def primary_lost_that_was_ahead(world: World) -> AsyncIterator[None]:
    """Let the primary store events that its replica lacks, and lose it."""
    system = cast("ReplicatedSystem", world.system)
    async with system.without_a_replica():
        await world.sender.accepted(20)
        await system.lose_primary()
    await system.promote()
    await replay_all(system.url_of("nats"))
    yield


FAULTS = [
    Fault(_ASYNCHRONOUS, primary_lost_that_was_ahead),
    Fault(
        "the replica away, then the primary lost, the replica promoted",
        primary_lost_after_its_replica_was_away,
    ),
]


async def test_nothing_promised_is_lost_or_doubled_with_the_primary(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
