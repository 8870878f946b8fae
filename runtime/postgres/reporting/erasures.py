"""Requests to erase users, as PostgreSQL has them."""

import asyncpg

from functions.reporter.erasure_state import ErasureState
from runtime.postgres.errors import translated
from runtime.postgres.sql import load

ERASURE_STATE = load(__file__, "erasure_state")


class PostgresErasures:
    """Finds requests; implements ``Erasures``."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, confirmation_code: str) -> ErasureState | None:
        """Find a request by its code; see ``Erasures``."""
        with translated():
            found = await self._pool.fetchrow(ERASURE_STATE, confirmation_code)
        return None if found is None else ErasureState(**dict(found))
