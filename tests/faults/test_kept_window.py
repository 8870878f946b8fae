"""Stored messages are kept on the broker for an hour: a lost database gets them back."""

import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
import pytest

from runtime.local.embedded.postgres_server import DATABASE, EmbeddedPostgres
from runtime.postgres.schema.migrate import migrate
from tests.faults.fault import Fault, World
from tests.faults.kept_system import KeptSystem
from tests.faults.kept_window import kept_ids, replay_all
from tests.faults.table import Table
from tests.faults.trial import survived

_SWAP = f"""
    ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS false;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid();
    ALTER DATABASE {DATABASE} RENAME TO lost;
    ALTER DATABASE fresh RENAME TO {DATABASE};
"""  # noqa: S608 - a name of our own


class KeepingSystem(KeptSystem):
    """A system whose broker keeps stored messages."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, KEEP_SETTLED_SECONDS="3600")

    async def lose_database(self) -> None:
        """Replace the full database by an empty one."""
        server = cast("EmbeddedPostgres", self._servers["postgres"])
        connection = await asyncpg.connect(server.url_of("postgres"))
        try:
            await connection.execute("CREATE DATABASE fresh")
            await migrate(server.url_of("fresh"))
            for statement in _SWAP.split(";")[:-1]:  # none of them may be in a transaction
                await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture
async def system() -> AsyncIterator[KeepingSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-kept-") as folder:
        keeping = KeepingSystem(Path(folder))
        async with keeping.up():
            yield keeping


@asynccontextmanager
async def database_lost(world: World) -> AsyncIterator[None]:
    """Lose everything that was stored, and replay it twice while more arrives."""
    system = cast("KeepingSystem", world.system)
    await world.sender.accepted(20)
    await system.lose_database()
    await replay_all(system.url_of("nats"))
    await world.sender.accepted(5)
    await replay_all(system.url_of("nats"))
    yield


@asynccontextmanager
async def broker_killed(world: World) -> AsyncIterator[None]:
    await world.sender.accepted(5)
    world.system.signal("nats", signal.SIGKILL)
    yield


@asynccontextmanager
async def collectors_killed(world: World) -> AsyncIterator[None]:
    await world.sender.accepted(5)
    for name in ("fb-collector", "ttk-collector", "dead-letters"):
        world.system.signal(name, signal.SIGKILL)
    yield


FAULTS = [
    Fault("the database lost whole, what was kept replayed", database_lost, is_short=True),
    Fault("SIGKILL of nats, what is stored is kept", broker_killed),
    Fault("SIGKILL of all collectors, what is stored is kept", collectors_killed),
]


async def test_what_was_promised_is_kept_and_nothing_is_lost_or_doubled(
    fault: Fault, turn: int, world: World, system: KeepingSystem, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
    assert world.sender.acknowledged - await kept_ids(system.url_of("nats")) == set()
