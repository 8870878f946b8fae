"""The ledger's keeper: what waits at the broker, and whether every event is accounted for."""

import asyncpg

from functions.events import Source
from functions.ports import Backlog
from runtime.postgres.errors import translated
from runtime.postgres.sql import load

NOTE_BACKLOG = load("note_backlog")
PRUNE_TOLD = load("prune_told")
PRUNE_ENVELOPES = load("prune_envelopes")
LEDGER_IMBALANCE = load("ledger_imbalance")


class PostgresLedger:
    """Keeps what a consumer saw of the broker, and holds the ledger against it.

    Args:
        pool: The database.
        source: Whose events the consumer takes; None for those that gateways rejected.
    """

    def __init__(self, pool: asyncpg.Pool, source: Source | None) -> None:
        self._pool = pool
        self._source = source

    async def note(self, backlog: Backlog) -> int:
        """Keep a measurement, and balance as ``balance`` does.

        Raises:
            Unavailable: The database can't do it now.
        """
        with translated():
            await self._pool.fetch(
                NOTE_BACKLOG,
                backlog.consumer,
                self._source,
                backlog.measured_at,
                backlog.messages,
                backlog.oldest_at,
                backlog.first_sequence,
            )
        return await self.balance()

    async def balance(self) -> int:
        """Forget what needs no watching any more, and hold the ledger against what is known.

        Returns:
            How many events of the source are missed: counted by a gateway and
            neither stored, duplicate, dead nor on the broker. Too many count
            as too few.

        Raises:
            Unavailable: The database can't do it now.
        """
        with translated():
            await self._pool.fetch(PRUNE_TOLD)
            await self._pool.fetch(PRUNE_ENVELOPES)
            return int(await self._pool.fetchval(LEDGER_IMBALANCE, self._source))
