"""Faults of the database that its processes survive, or that don't happen during a COPY."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from tests.faults.fault import Fault, World
from tests.faults.sender import REFUSED

_COPYING = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY %'"
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_PATIENCE_SECONDS = 60.0
_REFUSED_SHARE = 0.002


@asynccontextmanager
async def _connected(world: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(world.system.url_of("postgres"))
    try:
        yield connection
    finally:
        await connection.close()


async def _until_copying(connection: asyncpg.Connection) -> int:
    """Wait for a COPY; it takes only some milliseconds."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (pid := await connection.fetchval(_COPYING)) is None:
            await asyncio.sleep(0)
    return int(pid)


@asynccontextmanager
async def killed_in_a_copy(world: World) -> AsyncIterator[None]:
    async with _connected(world) as connection:
        await _until_copying(connection)
        world.system.signal("postgres", signal.SIGKILL)
    yield


@asynccontextmanager
async def restarted_in_a_copy(world: World) -> AsyncIterator[None]:
    async with _connected(world) as connection:
        await _until_copying(connection)
        world.system.signal("postgres", signal.SIGINT)
    yield


@asynccontextmanager
async def session_ended_in_a_copy(world: World) -> AsyncIterator[None]:
    async with _connected(world) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend($1)", await _until_copying(connection)
        )
    yield


@asynccontextmanager
async def out_of_connections(world: World) -> AsyncIterator[None]:
    """End every session and take all connections, so that nobody can reconnect."""
    async with AsyncExitStack() as taken:
        connection = await taken.enter_async_context(_connected(world))
        places = int(await connection.fetchval("SHOW max_connections"))
        await connection.execute(_END_SESSIONS)
        for _ in range(places):
            try:
                await taken.enter_async_context(_connected(world))
            except asyncpg.TooManyConnectionsError:
                break
        await world.a_while(10 if world.is_full else 3)
        yield


@asynccontextmanager
async def events_locked(world: World) -> AsyncIterator[None]:
    """Lock the table, longer than a statement may take."""
    async with _connected(world) as connection, connection.transaction():
        await connection.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(30 if world.is_full else 3)
        yield


@asynccontextmanager
async def rows_refused(world: World) -> AsyncIterator[None]:
    """Make a constraint refuse one row in five hundred, spread over all batches."""
    async with _connected(world) as connection:
        check = f"CHECK (campaign_id <> '{REFUSED}') NOT VALID"
        await connection.execute(f"ALTER TABLE events ADD CONSTRAINT fault {check}")
        world.sender.refused_share = _REFUSED_SHARE
        try:
            await world.sender.accepted(10)
            yield
            world.sender.refused_share = 0.0
            await world.sender.accepted(5)
            await world.system.drained()
        finally:
            await connection.execute("ALTER TABLE events DROP CONSTRAINT fault")


FAULTS = [
    Fault("PostgreSQL killed in a COPY", killed_in_a_copy, is_short=True),
    Fault("PostgreSQL restarted in a COPY", restarted_in_a_copy),
    Fault("session ended in a COPY", session_ended_in_a_copy),
    Fault("PostgreSQL out of connections", out_of_connections),
    Fault("a lock on events", events_locked),
    Fault("rows refused among good ones", rows_refused, is_short=True),
]
