"""Every metric that some function exports, by name."""

from prometheus_client import CollectorRegistry

from functions.reporter.handler import REPORTS
from runtime.telemetry.metrics import (
    ClockMetrics,
    ConsumerMetrics,
    EventMetrics,
    HttpMetrics,
    ReportMetrics,
    Saturation,
    SummaryMetrics,
    new_registry,
)
from runtime.telemetry.server_metrics import BROKER_FIGURES, DATABASE_FIGURES, Measured

_SERIES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
    "info": ("_info",),
}


def registry() -> CollectorRegistry:
    """Make a registry with all metrics of the functions."""
    found = CollectorRegistry()
    for kind in (
        HttpMetrics, EventMetrics, ConsumerMetrics, Saturation, SummaryMetrics, ClockMetrics,
    ):  # fmt: skip
        kind(found, "any")
    ReportMetrics(found, REPORTS)
    Measured((*BROKER_FIGURES, *DATABASE_FIGURES), found)
    return found


def metric_names() -> set[str]:
    """Name the metrics as documents do."""
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in registry().collect()
    }


def series_names() -> set[str]:
    """Name the series as queries do, including those of the process and Prometheus's ``up``."""
    return {"up"} | {
        family.name + ending
        for source in (registry(), new_registry())
        for family in source.collect()
        for ending in _SERIES[family.type]
    }
