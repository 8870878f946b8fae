"""What is stored is kept on the broker for an hour: a lost database gets it back."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec
import pytest
from nats.aio.client import Client

from runtime.envelopes import decode, decode_letters
from runtime.jetstream.replay import read_window
from runtime.local.postgres_server import DATABASE, EmbeddedPostgres
from runtime.postgres.migrate import migrate
from tests.faults.fault import Fault, World
from tests.faults.kept_system import KeptSystem
from tests.faults.table import Table
from tests.faults.trial import survived

_SOURCES = {"kept.events.facebook": "facebook", "kept.events.tiktok": "tiktok"}
_SWAP = f"""
    ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS false;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid();
    ALTER DATABASE {DATABASE} RENAME TO lost;
    ALTER DATABASE fresh RENAME TO {DATABASE};
"""  # noqa: S608 - a name of our own


class _Event(msgspec.Struct, rename="camel"):
    event_id: str


_EVENTS = msgspec.json.Decoder(_Event)


class KeepingSystem(KeptSystem):
    """A system whose broker keeps what is stored."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, KEEP_SETTLED_SECONDS="3600")

    async def lose_database(self) -> None:
        """Put an empty database in the place of the one that has everything."""
        server = cast("EmbeddedPostgres", self._servers["postgres"])
        connection = await asyncpg.connect(server.url_of("postgres"))
        try:
            await connection.execute("CREATE DATABASE fresh")
            await migrate(server.url_of("fresh"))
            for statement in _SWAP.split(";")[:-1]:  # none of them may be in a transaction
                await connection.execute(statement)
        finally:
            await connection.close()

    async def replay(self) -> None:
        """Replay all that was ever stored, as an operator does."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime", "broker", "replay"),
            *("--since", await self._kept_since()),
            env={**os.environ, "NATS_URL": self.url_of("nats")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert b"messages replayed" in output

    async def _kept_since(self) -> str:
        async with self._connected() as client:
            window = await read_window(client)
            assert window
            return window.since.isoformat()

    async def kept_ids(self) -> set[str]:
        """Name every event that is kept, the rejected too."""
        found: set[str] = set()
        async with self._connected() as client:
            jetstream = client.jetstream()
            state = (await jetstream.stream_info("KEPT")).state
            for sequence in range(state.first_seq, state.last_seq + 1):
                message = await jetstream.get_msg("KEPT", sequence)
                found |= _ids_of(message)
        return found

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = Client()
        await client.connect(self.url_of("nats"))
        try:
            yield client
        finally:
            await client.close()


def _ids_of(message: Any) -> set[str]:
    source: Any = _SOURCES.get(message.subject)
    if source is None:
        return {letter.event_id for letter in decode_letters(message.data) if letter.event_id}
    parts = decode(source, message.data)
    return {_EVENTS.decode(event).event_id for part in parts for event in part.events}


@pytest.fixture
async def system() -> AsyncIterator[KeepingSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-kept-") as folder:
        keeping = KeepingSystem(Path(folder))
        async with keeping.up():
            yield keeping


@asynccontextmanager
async def database_lost(world: World) -> AsyncIterator[None]:
    """Lose everything that was stored, and replay it twice while more comes."""
    system = cast("KeepingSystem", world.system)
    await world.sender.accepted(20)
    await system.lose_database()
    await system.replay()
    await world.sender.accepted(5)
    await system.replay()
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
    assert world.sender.acknowledged - await system.kept_ids() == set()
