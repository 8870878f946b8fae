"""Keep the ledger: record the broker's backlog, check that every event is accounted for."""

from typing import Final

import asyncpg

from functions.events import Source
from functions.messages import Backlog
from runtime.postgres.errors import translated
from runtime.postgres.sql import load
from runtime.telemetry.clocks import ServerClock

NOTE_BACKLOG = load(__file__, "note_backlog")
TICK_LEDGER_CLOCK = load(__file__, "tick_ledger_clock")
PRUNE_ANNOUNCED = load(__file__, "prune_announced")
PRUNE_ENVELOPES = load(__file__, "prune_envelopes")
ADVANCE_SECOND_HORIZON = load(__file__, "advance_second_horizon")
THIN_SECONDS = load(__file__, "thin_seconds")
LEDGER_IMBALANCE = load(__file__, "ledger_imbalance")

_FORGOTTEN_AT_ONCE: Final = 5_000
"""Envelopes forgotten by one statement, which takes some tens of milliseconds."""

_MOST_FORGOTTEN: Final = 10 * _FORGOTTEN_AT_ONCE
"""Envelopes forgotten by one balance. Every five seconds this makes 10,000 a second,
the load of sixty busy gateways; with less the table would grow."""

_THINNED_AT_ONCE: Final = 5_000
"""Second rollups deleted by one balance. Even at one event of each kind a second, twenty
kinds make a hundred in the five seconds until the next."""


class PostgresLedger:
    """Records a consumer's backlog and balances the ledger against it.

    Args:
        pool: The database.
        source: The source whose events the consumer takes; None for rejected events.

    Attributes:
        clock: How far the database's clock is from this process's.
    """

    def __init__(self, pool: asyncpg.Pool, source: Source | None) -> None:
        self._pool = pool
        self._source = source
        self.clock = ServerClock("database")

    async def note(self, backlog: Backlog) -> int:
        """Record a measurement, then balance; see ``balance``.

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
        """Forget settled envelopes and seconds that are no longer needed, and balance the ledger.

        Returns:
            The source's imbalance: events that a gateway counted and that are neither
            stored, duplicate, dead nor on the broker. A surplus counts like a deficit.

        Raises:
            Unavailable: The database can't do it now.
        """
        with translated():
            asked_at = self.clock.asked()
            self.clock.told(await self._pool.fetchval(TICK_LEDGER_CLOCK), asked_at)
            await self._pool.fetch(PRUNE_ANNOUNCED)
            await self._forget()
            await self._thin()
            return int(await self._pool.fetchval(LEDGER_IMBALANCE, self._source))

    async def _thin(self) -> None:
        await self._pool.fetch(ADVANCE_SECOND_HORIZON)
        await self._pool.fetchval(THIN_SECONDS, _THINNED_AT_ONCE)

    async def _forget(self) -> None:
        for _ in range(0, _MOST_FORGOTTEN, _FORGOTTEN_AT_ONCE):
            forgotten = await self._pool.fetchval(PRUNE_ENVELOPES, _FORGOTTEN_AT_ONCE)
            if forgotten < _FORGOTTEN_AT_ONCE:
                break
