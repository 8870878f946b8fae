"""Reports from PostgreSQL."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Fault, Invalid
from functions.events import FunnelStage
from functions.messages import Backlog
from functions.parameters import Interval
from functions.reporter.demographics_report import (
    AGE_EDGES,
    FOLLOWER_EDGES,
    DemographicsQuestion,
)
from functions.reporter.events_report import EventsQuestion
from functions.reporter.figures import (
    CityTally,
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
from runtime.postgres.reporting.cities import top_cities
from runtime.postgres.reporting.gone import check_rows, pieces_of_rows
from runtime.postgres.reporting.rows import (
    campaign_figures,
    event_figures,
    known_alone,
    revenue_figures,
    unknown_users,
    user_figures,
)
from runtime.postgres.reporting.segments import Bound, Segments, Span, split
from runtime.postgres.sql import load

PLANNING = load(__file__, "report_planning")
SUMS = load(__file__, "report_sums")
CAMPAIGN = load(__file__, "report_campaign")
CAMPAIGNS = load(__file__, "report_campaigns")
WHOLE_CAMPAIGNS = load(__file__, "report_whole_campaigns")
PARTIAL_CAMPAIGNS = load(__file__, "report_partial_campaigns")
USERS = load(__file__, "report_users")
CHANNEL_USERS = load(__file__, "report_channel_users")
WATCHING = load(__file__, "report_watching")
LEDGER = load(__file__, "report_ledger")
BACKLOGS = load(__file__, "report_backlogs")

_EVENT_GRANULARITIES: Final[tuple[Granularity, ...]] = ("day", "hour", "minute")
_USER_GRANULARITIES: Final[tuple[Granularity, ...]] = ("month", "day", "hour")

_FEW_SALES = 20_000
"""Up to this number, the sales themselves are summed by campaign; a period with fewer
says little about the campaigns' order by total revenue."""

_UNKNOWN_ZONE: Final = (asyncpg.InvalidParameterValueError,)

_NO_SPAN: Final = (EPOCH, EPOCH)

_MAX_KINDS = 1000
"""More kinds of events, or currencies of the sources, than there will ever be; their rows
precede the buckets'."""


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
        segments = split(period, _granularities(interval))
        asked = _parameters(
            segments,
            question,
            funnel_stage=question.funnel_stage,
            event_type=question.event_type,
            max_rows=_MAX_KINDS + max_buckets,
        )
        by_row = pieces_of_rows(period, segments.ragged, interval, zone)
        if not by_row:
            with translated(but=_UNKNOWN_ZONE), _zone_known():
                return event_figures(await self._pool.fetch(SUMS, *asked), max_buckets)
        async with self._snapshot() as connection:
            await check_rows(connection, by_row, question.source)
            return event_figures(await connection.fetch(SUMS, *asked), max_buckets)

    async def sum_revenue(self, question: RevenueQuestion, *, max_buckets: int) -> RevenueFigures:
        """Sum revenue; see ``Reports``."""
        period, interval, zone = question.period, question.interval, question.zone_name
        source, campaign_id = question.source, question.campaign_id
        channel, currency = question.channel, question.currency
        bounds, max_rows = (period.start, period.end), _MAX_KINDS + max_buckets
        segments = split(period, _granularities(interval))
        by_row = pieces_of_rows(period, segments.ragged, interval, zone)
        async with self._snapshot() as connection:
            await check_rows(connection, by_row, source)
            if campaign_id is not None:
                rows = await connection.fetch(
                    CAMPAIGN,
                    *bounds,
                    source,
                    campaign_id,
                    interval,
                    max_rows,
                    zone,
                    channel,
                    currency,
                )
                return campaign_figures(rows, campaign_id, max_buckets)
            rows = await connection.fetch(
                SUMS, *_parameters(segments, question, sales=True, max_rows=max_rows)
            )
            if source == "tiktok":
                return revenue_figures(rows, (), max_buckets)
            few = sum(row["events"] for row in rows if row["source"]) <= _FEW_SALES
            campaigns: Sequence[asyncpg.Record]
            if few or channel is not None:  # campaigns' totals are of all channels
                campaigns = await connection.fetch(
                    CAMPAIGNS, *bounds, question.limit, channel, currency
                )
            else:
                campaigns = await _top_campaigns(connection, bounds, question.limit, currency)
            return revenue_figures(rows, campaigns, max_buckets)

    async def describe_users(self, question: DemographicsQuestion) -> UserFigures:
        """Describe users; see ``Reports``."""
        period, source, limit = question.period, question.source, question.limit
        if question.channel not in (None, "native"):
            return await self._describe_channel(question)
        bounds, segments = (period.start, period.end), split(period, _USER_GRANULARITIES)
        slots = _slots(segments)
        async with self._snapshot() as connection:
            users = await connection.fetch(
                USERS, slots, *bounds, source, AGE_EDGES, FOLLOWER_EDGES, limit
            )
            cities: Sequence[CityTally] = []
            watching: Sequence[asyncpg.Record] = ()
            if source in (None, "facebook"):
                cities = await top_cities(connection, bounds, limit, users)
            if source in (None, "tiktok"):
                await check_rows(connection, segments.ragged, "tiktok")
                watching = await connection.fetch(WATCHING, slots, limit)
        figures = user_figures(users, cities, watching)
        return figures if question.channel is None else known_alone(figures)

    async def _describe_channel(self, question: DemographicsQuestion) -> UserFigures:
        """Count the users of a channel that tells nothing else about them."""
        bounds = (question.period.start, question.period.end)
        async with self._snapshot() as connection:
            await check_rows(connection, [bounds], question.source)
            found = await connection.fetch(
                CHANNEL_USERS, *bounds, question.source, question.channel
            )
        return unknown_users({row["source"]: row["users"] for row in found})

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


def _granularities(interval: Interval | None) -> Sequence[Granularity]:
    """Return the longest buckets that no interval of UTC cuts, and all shorter ones."""
    start = _EVENT_GRANULARITIES.index(interval) if interval in ("hour", "minute") else 0
    return _EVENT_GRANULARITIES[start:]


def _parameters(
    segments: Segments,
    question: EventsQuestion | RevenueQuestion,
    *,
    funnel_stage: FunnelStage | None = None,
    event_type: str | None = None,
    sales: bool = False,
    max_rows: int,
) -> list[Any]:
    """Return the parameters of ``report_sums``, in its order."""
    interval, zone = question.interval, question.zone_name
    return [
        [granularity for granularity, _ in segments.whole],
        [start for _, (start, _) in segments.whole],
        [end for _, (_, end) in segments.whole],
        [start for start, _ in segments.ragged],
        [end for _, end in segments.ragged],
        question.source,
        funnel_stage,
        event_type,
        sales,
        interval,
        zone,
        _may_cut(interval, zone),
        max_rows,
        question.channel,
        question.currency if isinstance(question, RevenueQuestion) else None,
    ]


def _slots(segments: Segments) -> list[Bound]:
    """Return starts and ends in turn: of months, twice of days, of hours, of the rest."""
    spans: list[Span] = []
    for granularity in _USER_GRANULARITIES:
        own = [span for each, span in segments.whole if each == granularity]
        slots = 1 if granularity == _USER_GRANULARITIES[0] else 2
        spans += [*own, *(slots - len(own)) * [_NO_SPAN]]
    spans += [*segments.ragged, *(2 - len(segments.ragged)) * [_NO_SPAN]]
    return [bound for span in spans for bound in span]


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
    connection: PoolConnectionProxy,
    bounds: tuple[Bound, Bound],
    limit: int,
    currency: str | None,
) -> Sequence[asyncpg.Record]:
    """Find the top campaigns without summing them all.

    The highest campaigns with all their sales in the period set a mark; any other
    campaign with a smaller total can't be among the top.
    """
    whole = await connection.fetch(WHOLE_CAMPAIGNS, *bounds, limit, currency)
    mark = whole[-1]["revenue"] if len(whole) == limit else Decimal(0)
    partial = await connection.fetch(PARTIAL_CAMPAIGNS, *bounds, mark, limit, currency)
    ranked = sorted([*whole, *partial], key=_rank)
    return ranked[:limit]


def _rank(row: asyncpg.Record) -> tuple[Decimal, str, str]:
    return -row["revenue"], row["campaign_id"], row["currency"]
