"""The reports on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.events import FunnelStage, Source
from functions.ports import EventFigures, Interval, Period, RevenueFigures, UserFigures
from runtime.postgres.errors import translated
from runtime.postgres.figures import (
    campaign_figures,
    event_figures,
    revenue_figures,
    user_figures,
)
from runtime.postgres.pieces import split
from runtime.postgres.sql import load

PLANNING = load("report_planning")
EVENTS = load("report_events")
REVENUE = load("report_revenue")
CAMPAIGN = load("report_campaign")
TOP_CAMPAIGNS = load("report_top_campaigns")
USERS = load("report_users")
WATCHING = load("report_watching")

_MAX_KINDS = 100
"""More kinds of events than there will ever be; their rows come before the buckets'."""


class PostgresReports:
    """Reads figures; implements ``Reports``.

    Whole hours and minutes come from ``event_hours`` and ``event_minutes``,
    which are written with the rows, and the ragged ends from the rows. One
    statement, or one read-only transaction of several, sees one state of all.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def count_events(
        self,
        period: Period,
        *,
        source: Source | None,
        funnel_stage: FunnelStage | None,
        event_type: str | None,
        interval: Interval | None,
        max_buckets: int,
    ) -> EventFigures:
        """Count events; see ``Reports``."""
        max_rows = _MAX_KINDS + max_buckets
        with translated():
            rows = await self._pool.fetch(
                EVENTS, *split(period), source, funnel_stage, event_type, interval, max_rows
            )
        return event_figures(rows, max_buckets)

    async def sum_revenue(
        self,
        period: Period,
        *,
        source: Source | None,
        campaign_id: str | None,
        interval: Interval | None,
        limit: int,
        max_buckets: int,
    ) -> RevenueFigures:
        """Sum revenue; see ``Reports``."""
        bounds, max_rows = (period.start, period.end), _MAX_KINDS + max_buckets
        async with self._snapshot() as connection:
            if campaign_id is not None:
                rows = await connection.fetch(
                    CAMPAIGN, *bounds, source, campaign_id, interval, max_rows
                )
                return campaign_figures(rows, campaign_id, max_buckets)
            rows = await connection.fetch(REVENUE, *split(period), source, interval, max_rows)
            if source == "tiktok":
                return revenue_figures(rows, (), max_buckets)
            campaigns = await connection.fetch(TOP_CAMPAIGNS, *bounds, limit)
            return revenue_figures(rows, campaigns, max_buckets)

    async def describe_users(
        self,
        period: Period,
        *,
        source: Source | None,
        age_edges: Sequence[int],
        follower_edges: Sequence[int],
        limit: int,
    ) -> UserFigures:
        """Describe users; see ``Reports``."""
        bounds = (period.start, period.end)
        async with self._snapshot() as connection:
            users = await connection.fetch(USERS, *bounds, source, age_edges, follower_edges, limit)
            if source == "facebook":
                return user_figures(users, ())
            watching = await connection.fetch(WATCHING, *bounds, limit)
            return user_figures(users, watching)

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[PoolConnectionProxy]:
        """Hold one state of the database."""
        with translated():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.fetch(PLANNING)
                yield connection
