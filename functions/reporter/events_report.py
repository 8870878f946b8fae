"""The events report: its question, its answer, and the way from one to the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Final, Protocol

from pydantic import MISSING, Field

from functions.errors import Fault
from functions.events import FunnelStage, Source
from functions.json_model import JsonModel
from functions.parameters import (
    Interval,
    Params,
    Period,
    Values,
    parse_event_type,
    parse_funnel_stage,
    parse_interval,
    period_of,
    read_parameters,
)
from functions.reporter.figures import BucketCount, EventFigures, KindCount
from functions.reporter.filters import (
    CHANNELED,
    ChannelFilters,
    Number,
    Question,
    Report,
    ReportType,
    SeriesGaps,
    filters_of,
    minute_faults,
)
from functions.reporter.series import MAX_BUCKETS, buckets_of
from functions.senders import KINDS
from functions.tables import write_list
from functions.zones import shown

_EVENTS = {
    **CHANNELED,
    "funnelStage": parse_funnel_stage,
    "eventType": parse_event_type,
    "interval": parse_interval,
}


@dataclass(frozen=True, slots=True)
class EventsQuestion(Question):
    """The question of the events report. None is no filter; without an interval there is no series.

    Attributes:
        interval: How long a bucket is.
    """

    funnel_stage: FunnelStage | None = None
    event_type: str | None = None
    interval: Interval | None = None


def parse_events_question(params: Params) -> EventsQuestion:
    """Read the question of ``/reports/events``.

    Raises:
        Invalid: With every fault: first those of single parameters, in their
            order, then those of parameters that do not go together.
    """
    values = read_parameters(
        params, _EVENTS, lambda values: [*_kind_faults(values), *minute_faults(values)]
    )
    return EventsQuestion(
        period_of(values),
        source=values.get("source"),
        funnel_stage=values.get("funnelStage"),
        event_type=values.get("eventType"),
        interval=values.get("interval"),
        timezone=values.get("timezone"),
        channel=values.get("channel"),
    )


def _kind_faults(values: Values) -> list[Fault]:
    wanted = values.get("eventType")
    possible = {
        name
        for (source, stage), types in KINDS.items()
        if values.get("source", source) == source and values.get("funnelStage", stage) == stage
        for name in types
    }
    if wanted is None or wanted in possible:
        return []
    return [
        Fault("eventType", "no_such_kind", "Should be a type of the given source and funnelStage")
    ]


EventType = Annotated[
    str,
    Field(
        json_schema_extra={
            "enum": list(dict.fromkeys(name for types in KINDS.values() for name in types))
        }
    ),
]


class EventsFilters(ChannelFilters):
    """The filters of the events report."""

    funnel_stage: FunnelStage | None
    event_type: EventType | None
    interval: Interval | None


class EventCount(JsonModel):
    """Events of one kind."""

    source: Source
    funnel_stage: FunnelStage
    event_type: EventType
    count: Number


class EventBucket(JsonModel):
    """Events of one bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime
    count: Number


class EventsReport(Report):
    """The number of events."""

    filters: EventsFilters
    total_events: Number
    events: tuple[EventCount, ...] = Field(
        description="Sorted by count, then by source, stage and type."
    )
    series: tuple[EventBucket, ...] | MISSING = Field(
        default=MISSING,
        description="Only with an interval. Oldest first, including empty buckets unless "
        "`seriesGaps` is set.",
    )
    series_gaps: SeriesGaps = MISSING


class EventsReader(Protocol):
    """Where events are counted; see ``Reports``."""

    async def count_events(self, question: EventsQuestion, *, max_buckets: int) -> EventFigures:
        """Count events by kind and, with an interval, by bucket.

        Args:
            question: Which events, by their own time.
            max_buckets: At most so many are returned, the oldest ones.
        """


async def handle_events(params: Params, *, reports: EventsReader) -> EventsReport:
    """Count events.

    Args:
        params: Decoded names and values of the query, in order, with repeats.
        reports: Provides the figures.

    Returns:
        The report; write it with ``handler.to_json``.

    Raises:
        Invalid: With every fault of the parameters, or one for a series too long.
        Unavailable: There is no answer now; the same question may be asked again.
    """
    question = parse_events_question(params)
    figures = await reports.count_events(question, max_buckets=MAX_BUCKETS + 1)
    return shape(question, figures)


def shape(question: EventsQuestion, figures: EventFigures) -> EventsReport:
    """Sort, add up and fill gaps.

    Raises:
        Invalid: The series is too long even without its empty buckets.
    """
    series, gaps = _series(figures.buckets, question.interval, question.zone)
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


def to_csv(report: EventsReport) -> bytes:
    """Write the list of kinds, or the series where there is one."""
    if report.series is not MISSING:
        return write_list(EventBucket, report.series)
    return write_list(EventCount, report.events)


def example() -> EventsReport:
    """Show events, counted by day."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    figures = EventFigures(
        [
            KindCount("facebook", "top", "ad.view", 90),
            KindCount("facebook", "bottom", "checkout.complete", 60),
        ],
        [BucketCount(first, 70), BucketCount(first.replace(day=2), 80)],
    )
    period = Period(first, first.replace(month=2))
    return shape(EventsQuestion(period, source="facebook", interval="day"), figures)


EVENTS: Final = ReportType(
    "events",
    "Count events",
    EventsReport,
    handle_events,
    to_csv,
    "The list `events`; with `interval`, the series instead.",
    example,
)
