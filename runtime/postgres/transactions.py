"""Transactions that are over only when every copy that the configuration promises has them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Unavailable
from runtime.postgres.errors import translated
from runtime.postgres.sql import load
from runtime.telemetry.reasons import Reason

AWAIT_COPIES = load(__file__, "await_copies")

_WAIT: Final = "SyncRepWaitForLSN"
"""Where PostgreSQL warns that a wait for copies was cancelled (source of PostgreSQL 18).

Known by its function: its code, 01000, is that of every warning, of a trigger's
or an extension's too, and its words are in the server's language."""


@asynccontextmanager
async def committed(
    pool: asyncpg.Pool, *, but: tuple[type[asyncpg.PostgresError], ...] = ()
) -> AsyncIterator[PoolConnectionProxy]:
    """Hold a transaction; when the context is left without an error, it is committed.

    Args:
        pool: Where a connection comes from.
        but: Errors that the caller settles itself.

    Raises:
        Refused: The database will never take this data.
        Unavailable: Nothing is known to be stored; the same may come again.
    """
    with translated(but=but):
        async with pool.acquire() as connection:
            with copied(connection):
                async with connection.transaction():
                    yield connection


@contextmanager
def copied(connection: PoolConnectionProxy) -> Iterator[None]:
    """Commit within this context: a commit whose wait for copies was cancelled is none.

    Raises:
        Unavailable: The commit stands on the primary, and perhaps on no copy.
    """
    warnings: list[str] = []

    def note(_connection: Any, message: asyncpg.PostgresLogMessage) -> None:
        if message.server_source_function == _WAIT:
            warnings.append(str(message))

    connection.add_log_listener(note)
    try:
        yield
    finally:
        connection.remove_log_listener(note)
    if warnings:
        raise Unavailable(Reason.COPIES.of(warnings[0]))


async def await_copies(connection: PoolConnectionProxy) -> None:
    """Make a transaction that may have written nothing wait for the copies all the same."""
    await connection.execute(AWAIT_COPIES)
