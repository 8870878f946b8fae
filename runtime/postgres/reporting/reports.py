"""Reports from PostgreSQL."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Fault, Invalid
from functions.messages import Backlog
from functions.parameters import Interval, Period
from functions.reporter.demographics_report import (
    AGE_EDGES,
    FOLLOWER_EDGES,
    DemographicsQuestion,
)
from functions.reporter.events_report import EventsQuestion
from functions.reporter.figures import (
    EventFigures,
    LedgerFigures,
    LedgerSum,
    RevenueFigures,
    UserFigures,
)
from functions.reporter.ledger_report import LedgerQuestion
from functions.reporter.revenue_report import RevenueQuestion
from functions.zones import UTC_NAME
from runtime.postgres.errors import translated
from runtime.postgres.granularity import EPOCH, Granularity
from runtime.postgres.reporting.gone import check_rows, pieces_between, pieces_of_rows
from runtime.postgres.reporting.rows import (
    campaign_figures,
    event_figures,
    revenue_figures,
    user_figures,
)
from runtime.postgres.reporting.segments import Bound, split
from runtime.postgres.sql import load

PLANNING = load(__file__, "report_planning")
EVENTS = load(__file__, "report_events")
REVENUE = load(__file__, "report_revenue")
CAMPAIGN = load(__file__, "report_campaign")
CAMPAIGNS = load(__file__, "report_campaigns")
WHOLE_CAMPAIGNS = load(__file__, "report_whole_campaigns")
PARTIAL_CAMPAIGNS = load(__file__, "report_partial_campaigns")
USERS = load(__file__, "report_users")
ALL_USERS = load(__file__, "report_all_users")
CITIES = load(__file__, "report_cities")
ALL_CITIES = load(__file__, "report_all_cities")
WATCHING = load(__file__, "report_watching")
LEDGER = load(__file__, "report_ledger")
BACKLOGS = load(__file__, "report_backlogs")

_EVENT_GRANULARITIES: Final[tuple[Granularity, ...]] = ("day", "hour", "minute")
_USER_GRANULARITIES: Final[tuple[Granularity, ...]] = ("month", "day", "hour")

_FEW_SALES = 20_000
"""Up to this number, the sales themselves are summed by campaign; a period with fewer
says little about the campaigns' order by total revenue."""

_UNKNOWN_ZONE: Final = (asyncpg.InvalidParameterValueError,)

_NO_PIECE: Final = (EPOCH, EPOCH)

_MAX_KINDS = 100
"""More kinds of events than there will ever be; their rows precede the buckets'."""


class PostgresReports:
    """Reads figures; implements ``Reports``.

    Whole buckets of time come from rollups, which are written with the rows, and the
    ragged ends from the rows. One statement, or one read-only transaction of several,
    sees one consistent state.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def count_events(self, question: EventsQuestion, *, max_buckets: int) -> EventFigures:
        """Count events; see ``Reports``."""
        period, interval, zone = question.period, question.interval, question.zone_name
        bounds, max_rows = _event_bounds(period, interval), _MAX_KINDS + max_buckets
        asked = (
            bounds,
            question.source,
            question.funnel_stage,
            question.event_type,
            interval,
            max_rows,
            zone,
            _may_cut(interval, zone),
        )
        segments = pieces_of_rows(period, bounds[-4:], interval, zone)
        if not segments:
            with translated(but=_UNKNOWN_ZONE), _zone_known():
                return event_figures(await self._pool.fetch(EVENTS, *asked), max_buckets)
        async with self._snapshot() as connection:
            await check_rows(connection, segments, question.source)
            return event_figures(await connection.fetch(EVENTS, *asked), max_buckets)

    async def sum_revenue(self, question: RevenueQuestion, *, max_buckets: int) -> RevenueFigures:
        """Sum revenue; see ``Reports``."""
        period, interval, zone = question.period, question.interval, question.zone_name
        source, campaign_id = question.source, question.campaign_id
        bounds, max_rows = (period.start, period.end), _MAX_KINDS + max_buckets
        segments = _event_bounds(period, interval)
        async with self._snapshot() as connection:
            rows_of = pieces_of_rows(period, segments[-4:], interval, zone)
            await check_rows(connection, rows_of, source)
            if campaign_id is not None:
                rows = await connection.fetch(
                    CAMPAIGN, *bounds, source, campaign_id, interval, max_rows, zone
                )
                return campaign_figures(rows, campaign_id, max_buckets)
            rows = await connection.fetch(
                REVENUE,
                segments,
                source,
                interval,
                max_rows,
                zone,
                _may_cut(interval, zone),
            )
            if source == "tiktok":
                return revenue_figures(rows, (), max_buckets)
            few = sum(row["transactions"] for row in rows if row["source"]) <= _FEW_SALES
            campaigns: Sequence[asyncpg.Record]
            if few:
                campaigns = await connection.fetch(CAMPAIGNS, *bounds, question.limit)
            else:
                campaigns = await _top_campaigns(connection, bounds, question.limit)
            return revenue_figures(rows, campaigns, max_buckets)

    async def describe_users(self, question: DemographicsQuestion) -> UserFigures:
        """Describe users; see ``Reports``."""
        period, source, limit = question.period, question.source, question.limit
        bounds, segments = (period.start, period.end), split(period, _USER_GRANULARITIES)
        async with self._snapshot() as connection:
            users = await connection.fetch(
                USERS, segments, *bounds, source, AGE_EDGES, FOLLOWER_EDGES, limit
            )
            cities: Sequence[asyncpg.Record] = ()
            watching: Sequence[asyncpg.Record] = ()
            if source in (None, "facebook"):
                cities = await _cities(connection, bounds, limit)
            if source in (None, "tiktok"):
                await check_rows(connection, pieces_between(segments[-4:]), "tiktok")
                watching = await connection.fetch(WATCHING, segments, limit)
        return user_figures(users, cities, watching)

    async def sum_ledger(self, question: LedgerQuestion, *, max_buckets: int) -> LedgerFigures:
        """Sum the ledger; see ``Reports``."""
        period, source = question.period, question.source
        async with self._snapshot() as connection:
            buckets = await connection.fetch(
                LEDGER,
                period.start,
                period.end,
                source,
                question.interval,
                max_buckets,
                question.zone_name,
            )
            backlogs = await connection.fetch(BACKLOGS, source)
        return LedgerFigures(
            [LedgerSum(*row) for row in buckets], [Backlog(*row) for row in backlogs]
        )

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[PoolConnectionProxy]:
        """Open a transaction that sees one state of the database."""
        with translated(but=_UNKNOWN_ZONE), _zone_known():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.fetch(PLANNING)
                yield connection


def _event_bounds(period: Period, interval: Interval | None) -> list[Bound]:
    """Split a period into segments that no bucket of UTC cuts."""
    if interval == "minute":
        minutes, ends = (bounds := split(period, _EVENT_GRANULARITIES[2:]))[:2], bounds[2:]
        return [*3 * _NO_PIECE, *minutes, *_NO_PIECE, *ends]
    if interval == "hour":
        hours, rest = (bounds := split(period, _EVENT_GRANULARITIES[1:]))[:2], bounds[2:]
        return [*_NO_PIECE, *hours, *_NO_PIECE, *rest]
    return split(period, _EVENT_GRANULARITIES)


def _may_cut(interval: Interval | None, zone: str) -> bool:
    """Return whether buckets may begin within those segments."""
    return interval is not None and zone != UTC_NAME


@contextmanager
def _zone_known() -> Iterator[None]:
    """Translate the error for a time zone that Python knows and the database does not."""
    try:
        yield
    except _UNKNOWN_ZONE as error:
        message = f"The database does not know this zone: {error.args[0]}"
        raise Invalid([Fault("timezone", "unknown_timezone", message)]) from error


async def _top_campaigns(
    connection: PoolConnectionProxy, bounds: tuple[Bound, Bound], limit: int
) -> Sequence[asyncpg.Record]:
    """Find the top campaigns without summing them all.

    The highest campaigns with all their sales in the period set a mark; any other
    campaign with a smaller total can't be among the top.
    """
    whole = await connection.fetch(WHOLE_CAMPAIGNS, *bounds, limit)
    mark = whole[-1]["revenue"] if len(whole) == limit else Decimal(0)
    partial = await connection.fetch(PARTIAL_CAMPAIGNS, *bounds, mark, limit)
    ranked = sorted([*whole, *partial], key=lambda row: (-row["revenue"], row["campaign_id"]))
    return ranked[:limit]


async def _cities(
    connection: PoolConnectionProxy, bounds: tuple[Bound, Bound], limit: int
) -> Sequence[asyncpg.Record]:
    if await connection.fetchval(ALL_USERS, *bounds):
        return await connection.fetch(ALL_CITIES, limit)
    return await connection.fetch(CITIES, *bounds, limit)
