"""The revenue report: its question, its answer, and the way from one to the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Annotated, Final, Protocol

from pydantic import MISSING, Field

from functions.events import REVENUE_TYPES, UNSPECIFIED, RevenueType, Source
from functions.json_model import JsonModel
from functions.parameters import (
    Interval,
    Params,
    Period,
    Values,
    parse_currency,
    parse_interval,
    parse_limit,
    parse_text,
    period_of,
    read_parameters,
)
from functions.reporter.figures import BucketSum, CampaignSum, RevenueFigures, SourceSum
from functions.reporter.filters import (
    CHANNELED,
    DEFAULT_LIMIT,
    ChannelFilters,
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
from functions.reporter.series import MAX_BUCKETS, buckets_of, check_length
from functions.tables import Row, columns_of, write_csv, write_list
from functions.zones import shown

_CAMPAIGNS = {**CHANNELED, "campaignId": parse_text, "currency": parse_currency}
_REVENUE = {**_CAMPAIGNS, "interval": parse_interval, "limit": parse_limit}

MOST_CAMPAIGNS: Final = 10_000
"""Of a table: a spreadsheet's worth, some hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class RevenueQuestion(Question):
    """The question of the revenue report. None is no filter; no interval means no series.

    Attributes:
        campaign_id: A source without campaigns has no revenue of one.
        interval: How long a bucket is.
        limit: Maximum number of campaigns.
        currency: ISO 4217, or ``UNSPECIFIED``.
    """

    campaign_id: str | None = None
    interval: Interval | None = None
    limit: int = DEFAULT_LIMIT
    currency: str | None = None


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
        channel=values.get("channel"),
        currency=values.get("currency"),
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

Currency = Annotated[
    str,
    Field(
        pattern=r"^([A-Z]{3}|unspecified)$",
        description="ISO 4217; `unspecified` for events of the native format.",
    ),
]
OwnCurrency = Annotated[
    Currency | MISSING,
    Field(description="Present if there are several currencies in `currencies`."),
]


class RevenueFilters(ChannelFilters):
    """The filters of the revenue report."""

    campaign_id: str | None
    interval: Interval | None
    limit: Limit
    currency: Currency | MISSING = Field(default=MISSING, description="Present if it was given.")


class CurrencyRevenue(JsonModel):
    """Revenue in one currency."""

    currency: Currency
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney


class SourceRevenue(JsonModel):
    """Revenue of one source in one currency."""

    source: Source
    event_type: RevenueType
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney
    currency: OwnCurrency = MISSING


class CampaignsFilters(ChannelFilters):
    """The filters of the table of campaigns."""

    campaign_id: str | None
    currency: Currency | MISSING = Field(default=MISSING, description="Present if it was given.")


class CampaignRevenue(JsonModel):
    """Revenue of one campaign in one currency."""

    campaign_id: str
    total_revenue: Money
    transaction_count: Number
    currency: OwnCurrency = MISSING


class RevenueBucket(JsonModel):
    """Revenue of one bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime
    total_revenue: Money
    transaction_count: Number
    currency: OwnCurrency = MISSING


class RevenueReport(Report):
    """Revenue by source and campaign."""

    filters: RevenueFilters
    total_revenue: Money | None = Field(
        description="Null if there are several currencies: they are never added up."
    )
    transaction_count: Number
    average_transaction_value: AverageMoney | None
    currencies: tuple[CurrencyRevenue, ...] = Field(
        description="Each currency with revenue, sorted by transactions, then by code."
    )
    revenue: tuple[SourceRevenue, ...] = Field(
        description="Sorted by revenue, then by source, then by currency."
    )
    top_campaigns: tuple[CampaignRevenue, ...] = Field(
        max_length=100, description="Sorted by revenue, then by id, then by currency."
    )
    series: tuple[RevenueBucket, ...] | MISSING = Field(
        default=MISSING,
        description="Only with an interval. Oldest first, then by currency, including empty "
        "buckets unless `seriesGaps` is set.",
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
    named = Question(question.period, question.source, question.timezone, question.channel)
    rows = tuple(_campaign_revenue(found, several=True) for found in figures.campaigns)
    return Campaigns(ChannelFilters(**filters_of(named)), rows)


def shape(question: RevenueQuestion, figures: RevenueFigures) -> RevenueReport:
    """Sort, add up and fill gaps.

    Raises:
        Invalid: The series is too long even without its empty buckets.
    """
    total = add(source.revenue for source in figures.sources)
    count = sum(source.transactions for source in figures.sources)
    currencies = _currencies(figures.sources)
    several = len(currencies) > 1
    series, gaps = _series(figures.buckets, question, several=several)
    return RevenueReport(
        filters=RevenueFilters(**filters_of(question)),
        total_revenue=None if several else money(total),
        transaction_count=count,
        average_transaction_value=None if several else average_money(total, count),
        currencies=currencies,
        revenue=tuple(
            _source_revenue(found, several=several) for found in sorted(figures.sources, key=_rank)
        ),
        top_campaigns=tuple(
            _campaign_revenue(found, several=several) for found in figures.campaigns
        ),
        series=series,
        series_gaps=True if gaps else MISSING,
    )


def _currencies(found: Sequence[SourceSum]) -> tuple[CurrencyRevenue, ...]:
    by_currency: dict[str, list[SourceSum]] = {}
    for it in found:
        by_currency.setdefault(it.currency, []).append(it)
    sums = [_currency_revenue(currency, theirs) for currency, theirs in by_currency.items()]
    return tuple(sorted(sums, key=lambda it: (-it.transaction_count, it.currency)))


def _currency_revenue(currency: str, found: Sequence[SourceSum]) -> CurrencyRevenue:
    total, count = add(it.revenue for it in found), sum(it.transactions for it in found)
    return CurrencyRevenue(
        currency=currency,
        total_revenue=money(total),
        transaction_count=count,
        average_transaction_value=average_money(total, count),
    )


def _rank(found: SourceSum) -> tuple[Decimal, str, str]:
    return found.revenue.copy_negate(), found.source, found.currency


def _source_revenue(found: SourceSum, *, several: bool) -> SourceRevenue:
    return SourceRevenue(
        source=found.source,
        event_type=REVENUE_TYPES[found.source],
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
        average_transaction_value=average_money(found.revenue, found.transactions),
        currency=found.currency if several else MISSING,
    )


def _campaign_revenue(found: CampaignSum, *, several: bool) -> CampaignRevenue:
    return CampaignRevenue(
        campaign_id=found.campaign_id,
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
        currency=found.currency if several else MISSING,
    )


def _series(
    found: Sequence[BucketSum], question: RevenueQuestion, *, several: bool
) -> tuple[tuple[RevenueBucket, ...] | MISSING, bool]:
    """List each bucket once for each currency."""
    if question.interval is None:
        return MISSING, False
    check_length(found)
    figures = {(it.bucket, it.currency): it for it in found}
    currencies = sorted({currency for _, currency in figures})
    buckets, gaps = buckets_of(
        list(dict.fromkeys(at for at, _ in figures)), question.interval, question.zone
    )
    series: Iterable[BucketSum] = found
    if len(buckets) * len(currencies) > MAX_BUCKETS:
        gaps = True
    elif not gaps:
        series = (
            figures.get((at, currency)) or BucketSum(at, Decimal(0), 0, currency)
            for at in buckets
            for currency in currencies
        )
    return tuple(_bucket(it, question.zone, several=several) for it in series), gaps


def _bucket(found: BucketSum, zone: tzinfo, *, several: bool) -> RevenueBucket:
    return RevenueBucket(
        bucket=shown(found.bucket, zone),
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
        currency=found.currency if several else MISSING,
    )


def to_csv(report: RevenueReport) -> bytes:
    """Write the list of sources, or the series where there is one; always with the currency."""
    only = next((it.currency for it in report.currencies), UNSPECIFIED)
    if report.series is not MISSING:
        return write_csv(columns_of(RevenueBucket), _rows(report.series, only))
    return write_csv(columns_of(SourceRevenue), _rows(report.revenue, only))


def _rows(rows: Iterable[JsonModel], currency: str) -> Iterator[Row]:
    return ({"currency": currency, **row.model_dump(mode="json")} for row in rows)


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
