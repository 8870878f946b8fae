"""Marks of messages that may end the process, stored where they outlive it."""

import asyncpg

from runtime.postgres.errors import translated
from runtime.postgres.sql import load

BEGIN_ATTEMPT = load(__file__, "begin_attempt")
END_ATTEMPT = load(__file__, "end_attempt")


class PostgresAttempts:
    """Keeps the marks in the database; implements ``Attempts``."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, message_id: bytes) -> int:
        """Mark a message; see ``Attempts``."""
        with translated():
            return int(await self._pool.fetchval(BEGIN_ATTEMPT, message_id))

    async def end(self, message_id: bytes) -> None:
        """Remove a message's marks; see ``Attempts``."""
        with translated():
            await self._pool.fetch(END_ATTEMPT, message_id)
