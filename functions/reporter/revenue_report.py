"""The revenue report: its question, its answer, and the way from one to the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Annotated, Final, Protocol

from pydantic import MISSING, Field

from functions.events import REVENUE_TYPES, RevenueType, Source
from functions.json_model import JsonModel
from functions.parameters import (
    Interval,
    Params,
    Period,
    Values,
    parse_interval,
    parse_limit,
    parse_text,
    period_of,
    read_parameters,
)
from functions.reporter.figures import BucketSum, CampaignSum, RevenueFigures, SourceSum
from functions.reporter.filters import (
    DEFAULT_LIMIT,
    SHARED,
    Filters,
    Limit,
    Number,
    Question,
    Report,
    ReportType,
    SeriesGaps,
    filters_of,
    minute_faults,
)
from functions.reporter.rounding import add, average_money, money
from functions.reporter.series import MAX_BUCKETS, buckets_of
from functions.tables import write_list
from functions.zones import shown

_CAMPAIGNS = {**SHARED, "campaignId": parse_text}
_REVENUE = {**_CAMPAIGNS, "interval": parse_interval, "limit": parse_limit}

MOST_CAMPAIGNS: Final = 10_000
"""Of a table: a spreadsheet's worth, some hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class RevenueQuestion(Question):
    """What was earned? None is no filter; without an interval there is no series.

    Attributes:
        campaign_id: A source without campaigns has no revenue of one.
        interval: How long a bucket is.
        limit: Maximum number of campaigns.
    """

    campaign_id: str | None = None
    interval: Interval | None = None
    limit: int = DEFAULT_LIMIT


def parse_revenue_question(params: Params) -> RevenueQuestion:
    """Read the question of ``/reports/revenue``; raises as ``parse_events_question``."""
    return _question(read_parameters(params, _REVENUE, minute_faults))


def _question(values: Values) -> RevenueQuestion:
    return RevenueQuestion(
        period_of(values),
        source=values.get("source"),
        campaign_id=values.get("campaignId"),
        interval=values.get("interval"),
        limit=values.get("limit", DEFAULT_LIMIT),
        timezone=values.get("timezone"),
    )


Money = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+\.[0-9]{2}([0-9]*[1-9])?$",
        description="Exact decimal with at least two decimals.",
    ),
]
AverageMoney = Annotated[
    str, Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="Rounded half-even to two decimals.")
]


class RevenueFilters(Filters):
    """The filters of the revenue report."""

    campaign_id: str | None
    interval: Interval | None
    limit: Limit


class SourceRevenue(JsonModel):
    """Revenue of one source."""

    source: Source
    event_type: RevenueType
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney


class CampaignsFilters(Filters):
    """The filters of the table of campaigns."""

    campaign_id: str | None


class CampaignRevenue(JsonModel):
    """Revenue of one campaign."""

    campaign_id: str
    total_revenue: Money
    transaction_count: Number


class RevenueBucket(JsonModel):
    """Revenue of one bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime
    total_revenue: Money
    transaction_count: Number


class RevenueReport(Report):
    """Revenue by source and campaign."""

    filters: RevenueFilters
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney | None
    revenue: tuple[SourceRevenue, ...] = Field(description="Sorted by revenue, then by source.")
    top_campaigns: tuple[CampaignRevenue, ...] = Field(
        max_length=100, description="Sorted by revenue, then by id."
    )
    series: tuple[RevenueBucket, ...] | MISSING = Field(
        default=MISSING,
        description="Only with an interval. Oldest first, including empty buckets unless "
        "`seriesGaps` is set.",
    )
    series_gaps: SeriesGaps = MISSING


class RevenueReader(Protocol):
    """Where revenue is summed; see ``Reports``."""

    async def sum_revenue(self, question: RevenueQuestion, *, max_buckets: int) -> RevenueFigures:
        """Sum revenue by source, by campaign and, with an interval, by bucket.

        Args:
            question: Of which events, by their own time.
            max_buckets: At most so many are returned, the oldest ones.
        """


async def handle_revenue(params: Params, *, reports: RevenueReader) -> RevenueReport:
    """Sum revenue; arguments, result and errors as ``handle_events``."""
    question = parse_revenue_question(params)
    figures = await reports.sum_revenue(question, max_buckets=MAX_BUCKETS + 1)
    return shape(question, figures)


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns of a range, by revenue, then id; at most ``MOST_CAMPAIGNS``.

    Attributes:
        filters: Those that the table's name shows.
    """

    filters: Filters
    rows: Sequence[CampaignRevenue]


async def handle_campaigns(params: Params, *, reports: RevenueReader) -> Campaigns:
    """List the campaigns of a range; raises as ``handle_events`` does."""
    values = read_parameters(params, _CAMPAIGNS)
    question = replace(_question(values), limit=MOST_CAMPAIGNS)
    figures = await reports.sum_revenue(question, max_buckets=MAX_BUCKETS)
    named = Question(question.period, question.source, question.timezone)
    return Campaigns(Filters(**filters_of(named)), tuple(map(_campaign_revenue, figures.campaigns)))


def shape(question: RevenueQuestion, figures: RevenueFigures) -> RevenueReport:
    """Sort, add up and fill gaps.

    Raises:
        Invalid: The series is too long even without its empty buckets.
    """
    total = add(source.revenue for source in figures.sources)
    count = sum(source.transactions for source in figures.sources)
    series, gaps = _series(figures.buckets, question.interval, question.zone)
    return RevenueReport(
        filters=RevenueFilters(**filters_of(question)),
        total_revenue=money(total),
        transaction_count=count,
        average_transaction_value=average_money(total, count),
        revenue=tuple(map(_source_revenue, sorted(figures.sources, key=_rank))),
        top_campaigns=tuple(map(_campaign_revenue, figures.campaigns)),
        series=series,
        series_gaps=True if gaps else MISSING,
    )


def _rank(found: SourceSum) -> tuple[Decimal, str]:
    return found.revenue.copy_negate(), found.source


def _source_revenue(found: SourceSum) -> SourceRevenue:
    return SourceRevenue(
        source=found.source,
        event_type=REVENUE_TYPES[found.source],
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
        average_transaction_value=average_money(found.revenue, found.transactions),
    )


def _campaign_revenue(found: CampaignSum) -> CampaignRevenue:
    return CampaignRevenue(
        campaign_id=found.campaign_id,
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
    )


def _series(
    found: Sequence[BucketSum], interval: Interval | None, zone: tzinfo
) -> tuple[tuple[RevenueBucket, ...] | MISSING, bool]:
    if interval is None:
        return MISSING, False
    figures = {bucket.bucket: bucket for bucket in found}
    buckets, gaps = buckets_of(list(figures), interval, zone)
    series = (figures.get(it) or BucketSum(it, Decimal(0), 0) for it in buckets)
    return tuple(_bucket(it, zone) for it in series), gaps


def _bucket(found: BucketSum, zone: tzinfo) -> RevenueBucket:
    return RevenueBucket(
        bucket=shown(found.bucket, zone),
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
    )


def to_csv(report: RevenueReport) -> bytes:
    """Write the list of sources, or the series where there is one."""
    if report.series is not MISSING:
        return write_list(RevenueBucket, report.series)
    return write_list(SourceRevenue, report.revenue)


def campaigns_to_csv(campaigns: Campaigns) -> bytes:
    """Write campaigns as CSV."""
    return write_list(CampaignRevenue, campaigns.rows)


def example() -> RevenueReport:
    """Show revenue of two sources."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    figures = RevenueFigures(
        [SourceSum("facebook", Decimal(1000), 5), SourceSum("tiktok", Decimal("523.5"), 7)],
        [CampaignSum("camp-5fCRI", Decimal("774.19"), 1)],
        [
            BucketSum(first, Decimal("774.19"), 1),
            BucketSum(first.replace(day=2), Decimal("749.31"), 11),
        ],
    )
    return shape(RevenueQuestion(Period(first, first.replace(month=2)), interval="day"), figures)


REVENUE: Final = ReportType(
    "revenue",
    "Sum revenue",
    RevenueReport,
    handle_revenue,
    to_csv,
    "The list `revenue`; with `interval`, the series instead.",
    example,
)
