"""Transactions that end only when every synchronous replica has them."""

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
"""Where PostgreSQL warns that a wait for replicas was cancelled (source of PostgreSQL 18).

It is recognized by its function: its code, 01000, is that of every warning, including
those of triggers and extensions, and its text is in the server's language."""


@asynccontextmanager
async def committed(
    pool: asyncpg.Pool, *, but: tuple[type[asyncpg.PostgresError], ...] = ()
) -> AsyncIterator[PoolConnectionProxy]:
    """Open a transaction; it is committed when the context is left without an error.

    Args:
        pool: Provides the connection.
        but: Errors that the caller settles itself.

    Raises:
        Refused: The database will never accept this data.
        Unavailable: Nothing is known to be stored; the same may be sent again.
    """
    with translated(but=but):
        async with pool.acquire() as connection:
            with copied(connection):
                async with connection.transaction():
                    yield connection


@contextmanager
def copied(connection: PoolConnectionProxy) -> Iterator[None]:
    """Commit within this context; a commit whose wait for replicas was cancelled fails.

    Raises:
        Unavailable: The commit exists on the primary, but perhaps on no replica.
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
    """Make a transaction wait for the replicas even if it has written nothing."""
    await connection.execute(AWAIT_COPIES)
