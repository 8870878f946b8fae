"""The events report: figures in, the answer out."""

from collections.abc import Sequence
from datetime import tzinfo

from pydantic import MISSING

from functions.ports import BucketCount, EventFigures, Interval, KindCount
from functions.reporter.answers import EventBucket, EventCount, EventsFilters, EventsReport
from functions.reporter.questions import EventsQuestion, filters_of
from functions.reporter.series import buckets_of
from functions.zones import UTC_NAME, shown, zone_of


def shape(question: EventsQuestion, figures: EventFigures) -> EventsReport:
    """Order, add up and fill gaps.

    Raises:
        Invalid: The series is too long even without its empty buckets.
    """
    series, gaps = _series(
        figures.buckets, question.interval, zone_of(question.timezone or UTC_NAME)
    )
    return EventsReport(
        filters=EventsFilters(**filters_of(question)),
        total_events=sum(kind.events for kind in figures.kinds),
        events=tuple(map(_event_count, sorted(figures.kinds, key=_rank))),
        series=series,
        series_gaps=True if gaps else MISSING,
    )


def _rank(kind: KindCount) -> tuple[int, str, str, str]:
    return -kind.events, kind.source, kind.funnel_stage, kind.event_type


def _event_count(kind: KindCount) -> EventCount:
    return EventCount(
        source=kind.source,
        funnel_stage=kind.funnel_stage,
        event_type=kind.event_type,
        count=kind.events,
    )


def _series(
    found: Sequence[BucketCount], interval: Interval | None, zone: tzinfo
) -> tuple[tuple[EventBucket, ...] | MISSING, bool]:
    if interval is None:
        return MISSING, False
    counts = {bucket.bucket: bucket.events for bucket in found}
    buckets, gaps = buckets_of(list(counts), interval, zone)
    return tuple(
        EventBucket(bucket=shown(it, zone), count=counts.get(it, 0)) for it in buckets
    ), gaps
