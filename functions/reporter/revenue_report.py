"""The revenue report: figures in, the answer out."""

from collections.abc import Sequence
from datetime import tzinfo
from decimal import Decimal

from pydantic import MISSING

from functions import ports
from functions.events import REVENUE_TYPES
from functions.reporter.answers import (
    CampaignRevenue,
    RevenueBucket,
    RevenueFilters,
    RevenueReport,
    SourceRevenue,
)
from functions.reporter.questions import RevenueQuestion, filters_of
from functions.reporter.rounding import add, average_money, money
from functions.reporter.series import buckets_of
from functions.zones import UTC_NAME, shown, zone_of


def shape(question: RevenueQuestion, figures: ports.RevenueFigures) -> RevenueReport:
    """Order, add up and fill gaps.

    Raises:
        Invalid: The series is too long even without its empty buckets.
    """
    total = add(source.revenue for source in figures.sources)
    count = sum(source.transactions for source in figures.sources)
    series, gaps = _series(
        figures.buckets, question.interval, zone_of(question.timezone or UTC_NAME)
    )
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


def _rank(found: ports.SourceRevenue) -> tuple[Decimal, str]:
    return found.revenue.copy_negate(), found.source


def _source_revenue(found: ports.SourceRevenue) -> SourceRevenue:
    return SourceRevenue(
        source=found.source,
        event_type=REVENUE_TYPES[found.source],
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
        average_transaction_value=average_money(found.revenue, found.transactions),
    )


def _campaign_revenue(found: ports.CampaignRevenue) -> CampaignRevenue:
    return CampaignRevenue(
        campaign_id=found.campaign_id,
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
    )


def _series(
    found: Sequence[ports.BucketRevenue], interval: ports.Interval | None, zone: tzinfo
) -> tuple[tuple[RevenueBucket, ...] | MISSING, bool]:
    if interval is None:
        return MISSING, False
    figures = {bucket.bucket: bucket for bucket in found}
    buckets, gaps = buckets_of(list(figures), interval, zone)
    series = (figures.get(it) or ports.BucketRevenue(it, Decimal(0), 0) for it in buckets)
    return tuple(_bucket(it, zone) for it in series), gaps


def _bucket(found: ports.BucketRevenue, zone: tzinfo) -> RevenueBucket:
    return RevenueBucket(
        bucket=shown(found.bucket, zone),
        total_revenue=money(found.revenue),
        transaction_count=found.transactions,
    )
