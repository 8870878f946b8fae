"""Metrics: their names, meanings and buckets. No id is ever a label."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Final, Literal, TypeVar, get_args

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from functions.events import SOURCES, Source
from functions.messages import Reason
from runtime.telemetry.clocks import ServerClock
from runtime.telemetry.refusals import Refusals

ErrorType = Literal["invalid", "unreadable", "refused", "too_old", "unavailable"]
"""Why an event failed: invalid by the contract, in an unreadable envelope, refused by the
database, older than what it keeps, or not accepted by the broker."""

Resource = Literal["requests", "small_bodies", "large_bodies", "database_connections"]
"""Limited resources."""

_REPORT_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
)  # fmt: skip
_REQUEST_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_FRESHNESS_BUCKETS: Final = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    120,
    300,
    600,
    3600,
)
_BATCH_BUCKETS: Final = (1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000)


def new_registry() -> CollectorRegistry:
    """Make a registry that includes the process's own metrics."""
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


def source_label(source: Source | None) -> str:
    """Return the label of a source."""
    return source or "unknown"


Labelled = TypeVar("Labelled", bound=MetricWrapperBase)


class _Children(dict[tuple[str, ...], Labelled]):
    """Caches a metric's children by label values; the metric itself would take a lock."""

    def __init__(self, metric: Labelled, service: str) -> None:
        super().__init__()
        self._metric = metric
        self._service = service

    def __missing__(self, labels: tuple[str, ...]) -> Labelled:
        child = self[labels] = self._metric.labels(self._service, *labels)
        return child


_REFUSED: Final = 500


class HttpMetrics:
    """Metrics of every function's requests.

    Args:
        registry: Where they are registered.
        service: The function's name.
        refusals: Counts those that got a 5xx, except probes; None if nobody asks.
    """

    def __init__(
        self, registry: CollectorRegistry, service: str, refusals: Refusals | None = None
    ) -> None:
        self._refusals = refusals
        seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request's headers to its answer",
            ("service", "route", "status"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._seconds = _Children(seconds, service)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._seconds[route, str(status)].observe(seconds)
        if self._refusals and status >= _REFUSED and not route.startswith("/health/"):
            self._refusals.note()


class Saturation:
    """How full a function's limited resources are."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self._ratio = Gauge(
            "saturation_ratio",
            "Share of a limited resource in use; at 1 requests wait or are refused",
            ("service", "resource"),
            registry=registry,
        )
        self._service = service

    def watch(self, resource: Resource, filled: Callable[[], float]) -> None:
        """Read a share whenever the metrics are collected."""
        self._ratio.labels(self._service, resource).set_function(filled)


class ClockMetrics:
    """How far servers' clocks are from this process's."""

    def __init__(self, registry: CollectorRegistry, service: str, *clocks: ServerClock) -> None:
        seconds = Gauge(
            "clock_difference_seconds",
            "How far a server's clock is ahead of the function's; NaN until it was measured",
            ("service", "server"),
            registry=registry,
        )
        for clock in clocks:
            seconds.labels(service, clock.server).set_function(partial(_difference, clock))


def _difference(clock: ServerClock) -> float:
    return math.nan if clock.seconds_ahead is None else clock.seconds_ahead


class EventMetrics:
    """The outcomes of events in one function."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        def counter(name: str, documentation: str, *more: str) -> _Children[Counter]:
            labels = ("service", "source", *more)
            return _Children(Counter(name, documentation, labels, registry=registry), service)

        self._accepted = counter(
            "events_accepted_total",
            "Events that passed validation (gateway) or were taken from the broker (collector)",
        )
        self._processed = counter(
            "events_processed_total",
            "Events on the broker's disk (gateway) or committed (collector)",
        )
        self._failed = counter(
            "events_failed_total", "Events that were not processed, by reason", "error_type"
        )
        self._duplicate = counter("events_duplicate_total", "Events that were stored already")

    def expect(self, sources: Iterable[Source], error_types: Iterable[ErrorType]) -> None:
        """Export zeros before the first event, so that a rate has a starting point."""
        for source in sources:
            for count in (self.accepted, self.processed, self.duplicate):
                count(source, 0)
            for error_type in error_types:
                self._failed[source, error_type].inc(0)

    def accepted(self, source: Source, events: int) -> None:
        """Count accepted events."""
        self._accepted[source,].inc(events)

    def processed(self, source: Source, events: int) -> None:
        """Count events that this function has stored safely."""
        self._processed[source,].inc(events)

    def duplicate(self, source: Source, events: int) -> None:
        """Count events that were stored already."""
        self._duplicate[source,].inc(events)

    def failed(self, source: Source | None, error_type: ErrorType, events: int) -> None:
        """Count events that were not processed."""
        if events:
            self._failed[source_label(source), error_type].inc(events)


class SummaryMetrics:
    """Rejected events of which a gateway kept only summaries."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self._summarized = Counter(
            "dead_letters_summarized_total",
            "Rejected events kept only in a summary because dead letters had no room",
            ("service", "source"),
            registry=registry,
        )
        self._service = service
        for source in (*SOURCES, None):
            self.summarized(source, 0)

    def summarized(self, source: Source | None, events: int) -> None:
        """Count the rejected events that a summary stands for."""
        self._summarized.labels(self._service, source_label(source)).inc(events)


class ConsumerMetrics:
    """How a consumer's loop performs."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        label = ("service",)
        self.batch_events = Histogram(
            "batch_events", "Events in a batch", label, buckets=_BATCH_BUCKETS, registry=registry
        ).labels(service)
        self.commit_seconds = Histogram(
            "batch_commit_seconds",
            "Time from a decoded batch to its commit",
            label,
            buckets=_COMMIT_BUCKETS,
            registry=registry,
        ).labels(service)
        self.redelivered = Counter(
            "messages_redelivered_total", "Messages that were redelivered", label, registry=registry
        ).labels(service)
        self.retried = Counter(
            "messages_retried_total", "Messages returned for redelivery", label, registry=registry
        ).labels(service)
        self.backlog = Gauge(
            "consumer_backlog_messages",
            "Messages not yet acknowledged, delivered or not",
            label,
            registry=registry,
        ).labels(service)
        self.oldest_seconds = Gauge(
            "consumer_oldest_message_seconds",
            "Age of the oldest message not yet acknowledged; 0 if there is none",
            label,
            registry=registry,
        ).labels(service)
        self.imbalance = Gauge(
            "ledger_imbalance_events",
            "Events that a gateway counted and that are unaccounted for; anything but 0 is an "
            "alert",
            label,
            registry=registry,
        ).labels(service)
        self.freshness = Freshness()
        registry.register(self.freshness)
        self._dead = Counter(
            "dead_letters_total",
            "Dead letters stored, including repeats",
            ("service", "reason"),
            registry=registry,
        )
        self._service = service
        for reason in get_args(Reason):
            self._dead.labels(service, reason)

    def dead(self, reason: str, letters: int) -> None:
        """Count stored dead letters."""
        if letters:
            self._dead.labels(self._service, reason).inc(letters)


class Freshness(Collector):
    """Histogram ``event_freshness_seconds{source}``; an observation stands for many events."""

    def __init__(self) -> None:
        self._counts: dict[Source, list[int]] = {}
        self._sums: dict[Source, float] = {}

    def expect(self, source: Source) -> None:
        """Export zeros before the first event."""
        self.observe(source, 0.0, 0)

    def observe(self, source: Source, seconds: float, events: int) -> None:
        """Record the time from acceptance to commit for some events."""
        counts = self._counts.setdefault(source, [0] * (len(_FRESHNESS_BUCKETS) + 1))
        counts[bisect_left(_FRESHNESS_BUCKETS, seconds)] += events
        self._sums[source] = self._sums.get(source, 0.0) + seconds * events

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Export the histogram."""
        family = HistogramMetricFamily(
            "event_freshness_seconds",
            "Time from the gateway's acceptance of an event to its commit",
            labels=("source",),
        )
        bounds = [*map(str, map(float, _FRESHNESS_BUCKETS)), "+Inf"]
        for source, counts in self._counts.items():
            buckets: Sequence[tuple[str, float]] = list(
                zip(bounds, accumulate(counts), strict=True)
            )
            family.add_metric((source,), buckets=buckets, sum_value=self._sums[source])
        yield family


class ReportMetrics:
    """The latencies of reports.

    Args:
        registry: Where they are shown.
        report_types: The reports that there are, by name.
    """

    def __init__(self, registry: CollectorRegistry, report_types: Iterable[str]) -> None:
        self.seconds = Histogram(
            "report_duration_seconds",
            "Time to answer a report",
            ("report_type",),
            buckets=_REPORT_BUCKETS,
            registry=registry,
        )
        for report_type in report_types:
            self.seconds.labels(report_type)
