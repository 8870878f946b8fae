"""The store of events and dead letters on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from functions.ports import DeadLetter, Stored
from functions.rows import EventRow
from runtime.postgres.errors import translated
from runtime.postgres.sql import load

STORE_EVENTS = load("store_events")
STORE_DEAD_LETTERS = load("store_dead_letters")


class PostgresEventStore:
    """Keeps events and dead letters; implements ``EventStore``.

    Each call is one statement, hence one transaction: rows and the counters
    fed from them are committed together or not at all.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Store events; see ``EventStore``."""
        if not rows:
            return Stored(0, 0)
        with translated():
            new: int = await self._pool.fetchval(STORE_EVENTS, *zip(*rows, strict=True))
        return Stored(new, len(rows) - new)

    async def keep(self, letters: Sequence[DeadLetter]) -> Stored:
        """Store dead letters; see ``DeadLetterStore``."""
        if not letters:
            return Stored(0, 0)
        with translated():
            new = await self._pool.fetch(STORE_DEAD_LETTERS, *zip(*map(_row, letters), strict=True))
        return Stored(len(new), len(letters) - len(new))


def _row(letter: DeadLetter) -> tuple[Any, ...]:
    return (
        letter.id,
        letter.reason,
        letter.source,
        letter.event_id,
        letter.fault.field,
        letter.fault.code,
        letter.fault.message,
        letter.correlation_id,
        letter.accepted_at,
        letter.payload,
    )
