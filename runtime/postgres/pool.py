"""The connection pool of the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from functions.errors import Unavailable
from runtime.operating import ANSWER_SECONDS
from runtime.postgres.errors import translated
from runtime.settings import DatabaseSettings
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason
from runtime.telemetry.safe_urls import shown

_ANSWER_SECONDS = 0.8
_RETRY_SECONDS = 0.5
_REFUSALS = ("28", "3D", "42", "22", "0A", "08P01")
"""SQLSTATEs, or their classes, that waiting does not change: a refused login, a missing
database, an unknown parameter."""


class CantConnect(Unavailable):
    """The database answers, but refuses this login, database or parameter."""


@asynccontextmanager
async def opened(settings: DatabaseSettings, name: str) -> AsyncIterator[asyncpg.Pool]:
    """Hold a pool while the context is open.

    Args:
        settings: The database's URL, the number of connections, the time limit of
            a statement.
        name: Shown in ``pg_stat_activity``.

    Raises:
        CantConnect: The database refuses, and waiting will not help.
        Unavailable: It did not answer within the time allowed for starting.
    """
    pool = await _open(settings, name)
    try:
        yield pool
    finally:
        await _close(pool, settings.shutdown_timeout_seconds)


@asynccontextmanager
async def opened_now(settings: DatabaseSettings, name: str) -> AsyncIterator[asyncpg.Pool]:
    """Hold a pool like ``opened``, but without retries, for an operator who waits.

    Raises:
        Unavailable: The first attempt failed; the message names the database, and
            is one line.
    """
    url = settings.database_url.get_secret_value()
    try:
        pool = await _create(settings, name, ANSWER_SECONDS)
    except Unavailable as error:
        raise Unavailable(_unreachable(url, error)) from error
    try:
        yield pool
    finally:
        await _close(pool, ANSWER_SECONDS)


def _unreachable(url: str, error: Unavailable) -> str:
    if isinstance(error, CantConnect):
        return str(error)
    cause = error.__cause__
    if isinstance(cause, OSError | asyncpg.InterfaceError):
        why = in_words(cause, ANSWER_SECONDS)
        return f"the database at {shown(url)} can't be reached: {why}"
    return f"the database at {shown(url)}: {error}"


async def _open(settings: DatabaseSettings, name: str) -> asyncpg.Pool:
    """Open a pool, retrying until the database answers."""
    give_up = asyncio.get_running_loop().time() + settings.startup_timeout_seconds
    while True:
        try:
            return await _create(settings, name, settings.database_timeout_seconds)
        except CantConnect:
            raise  # waiting will not help
        except Unavailable:
            if asyncio.get_running_loop().time() > give_up:
                raise
            await asyncio.sleep(_RETRY_SECONDS)


async def _create(settings: DatabaseSettings, name: str, connect_seconds: float) -> asyncpg.Pool:
    """Make a pool and its first connection.

    Raises:
        Unavailable: The database did not answer within ``connect_seconds``.
    """
    timeout_seconds = settings.database_timeout_seconds
    try:
        return await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=1,
            max_size=settings.database_pool_size,
            timeout=connect_seconds,
            command_timeout=timeout_seconds,
            server_settings={
                "application_name": name,
                "timezone": "UTC",
                "jit": "off",
                # A frozen process would hold on to its claims.
                "idle_in_transaction_session_timeout": f"{timeout_seconds * 1000:.0f}ms",
            },
            init=send_keys_as_bytes,
        )
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate or "")
        if state.startswith(_REFUSALS):
            where = shown(settings.database_url.get_secret_value())
            raise CantConnect(f"the database at {where} refuses: {in_words(error)}") from error
        raise Unavailable(Reason.DATABASE_FAILS.of(f"{state} {in_words(error)}")) from error
    except asyncpg.ClientConfigurationError as error:
        raise CantConnect(f"the database's URL can't be used: {in_words(error)}") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise Unavailable(Reason.DATABASE_AWAY.of(in_words(error, connect_seconds))) from error


async def send_keys_as_bytes(connection: asyncpg.Connection) -> None:
    """Send keys as their 16 bytes; the driver's own UUIDs are slower."""
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def _close(pool: asyncpg.Pool, timeout_seconds: float) -> None:
    try:
        async with asyncio.timeout(timeout_seconds):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def filled(pool: asyncpg.Pool) -> float:
    """Return the share of the pool's connections that is in use."""
    return float((pool.get_size() - pool.get_idle_size()) / pool.get_max_size())


async def check(pool: asyncpg.Pool) -> None:
    """Check that the database answers.

    Raises:
        Unavailable: It does not, within a second.
    """
    with translated():
        async with asyncio.timeout(_ANSWER_SECONDS), pool.acquire() as connection:
            await connection.fetchval("SELECT 1")
