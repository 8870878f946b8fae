"""The pipeline's state, from PostgreSQL."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Unavailable
from functions.messages import Backlog
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.ledger_report import COLLECTORS
from functions.reporter.limits import ANSWER_SECONDS, FRESHNESS_WINDOW_SECONDS, WINDOW_SECONDS
from functions.reporter.pipeline import HOUR, GatewayFigures, PipelineFigures
from functions.zones import UTC_NAME
from runtime.postgres.errors import translated
from runtime.postgres.growth import measure_growth
from runtime.postgres.ledger import LEDGER_IMBALANCE
from runtime.postgres.reporting.reports import BACKLOGS, LEDGER
from runtime.postgres.sql import load
from runtime.telemetry.reasons import Reason

PIPELINE_FRESHNESS = load(__file__, "pipeline_freshness")
PIPELINE_STATE = load(__file__, "pipeline_state")

_MOST_MINUTES: Final = 24 * 60
"""For gateways whose clocks are ahead; anything later is not of this hour."""

_NEWEST_EVENTS: Final = 1_000
"""Enough for a 99th percentile, and read in a few milliseconds."""


class PostgresPipeline:
    """Reads the pipeline's state; implements ``Pipeline``.

    Args:
        pool: Where reports are read.
        disk_bytes: The disk space for the database; None if unknown.
        gateways: Knows the state of the gateways.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        disk_bytes: int | None,
        gateways: Callable[[], GatewayFigures | None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._disk_bytes = disk_bytes
        self._gateways = gateways

    async def look(self) -> PipelineFigures:
        """Read current figures; see ``Pipeline``."""
        started = time.perf_counter()
        try:
            with translated():
                async with (
                    asyncio.timeout(ANSWER_SECONDS.bound),
                    self._pool.acquire() as connection,
                    connection.transaction(isolation="repeatable_read", readonly=True),
                ):
                    return await self._look(connection, started)
        except TimeoutError as error:
            raise Unavailable(Reason.DATABASE_AWAY.of("no answer in time")) from error

    async def _look(self, connection: PoolConnectionProxy, started: float) -> PipelineFigures:
        [state] = await connection.fetch(PIPELINE_STATE, float(WINDOW_SECONDS))
        asked_at = datetime.now(UTC)
        since = state["at"] - HOUR - timedelta(minutes=1)
        minutes = await connection.fetch(
            LEDGER, since, None, None, "minute", _MOST_MINUTES, UTC_NAME
        )
        backlogs = await connection.fetch(BACKLOGS, None)
        missed = [
            await connection.fetchval(LEDGER_IMBALANCE, source) for source in COLLECTORS.values()
        ]
        freshness = await connection.fetchval(
            PIPELINE_FRESHNESS, float(FRESHNESS_WINDOW_SECONDS), _NEWEST_EVENTS
        )
        growth = await measure_growth(connection)
        return PipelineFigures(
            at=state["at"],
            answered_seconds=round(time.perf_counter() - started, 3),
            ledger=LedgerFigures(
                [LedgerSum(*row) for row in minutes], [Backlog(*row) for row in backlogs]
            ),
            missed=int(sum(missed)),
            first_missed_at=state["first_missed_at"],
            own_faults=state["own_faults"],
            summaries=state["summaries"],
            freshness_seconds=freshness,
            store_bytes=state["bytes"],
            store_limit_bytes=self._disk_bytes,
            store_days_left=self._disk_bytes and growth.days_left(self._disk_bytes),
            clock_seconds_ahead=round((state["at"] - asked_at).total_seconds(), 3),
            gateways=self._gateways(),
        )
