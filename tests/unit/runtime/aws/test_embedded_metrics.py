"""Lines in CloudWatch's embedded metric format."""

import re
from typing import Any

from prometheus_client import CollectorRegistry

from functions.reporter.handler import REPORTS
from runtime.aws.embedded_metrics import NAMESPACE, EmbeddedMetrics
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics, HttpMetrics, ReportMetrics


def values_of(lines: list[Any], **labels: str) -> dict[str, Any]:
    """Take the metrics of a set of dimensions, after checking the form."""
    for line in lines:
        [described] = line["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == NAMESPACE
        [dimensions] = described["Dimensions"]
        if {name: line[name] for name in dimensions} == labels:
            return {metric["Name"]: line[metric["Name"]] for metric in described["Metrics"]}
    return {}


def test_a_counter_is_written_as_what_it_grew_by() -> None:
    registry = CollectorRegistry()
    embedded, events = EmbeddedMetrics(registry), EventMetrics(registry, "gateway")
    events.accepted("facebook", 3)
    first = list(embedded.lines())
    events.accepted("facebook", 4)
    events.failed("facebook", "invalid", 2)
    second = list(embedded.lines())

    assert values_of(first, service="gateway", source="facebook") == {"events_accepted_total": 3}
    assert values_of(second, service="gateway", source="facebook") == {"events_accepted_total": 4}
    failed = values_of(second, service="gateway", source="facebook", error_type="invalid")
    assert failed == {"events_failed_total": 2}
    assert list(embedded.lines()) == []


def test_a_histogram_is_written_as_bounds_and_counts() -> None:
    registry = CollectorRegistry()
    embedded, metrics = EmbeddedMetrics(registry), ConsumerMetrics(registry, "fb-collector")
    metrics.freshness.observe("facebook", 0.02, 500)
    metrics.freshness.observe("facebook", 100_000, 2)
    first = list(embedded.lines())
    metrics.freshness.observe("facebook", 0.02, 1)
    second = list(embedded.lines())

    found = values_of(first, source="facebook")["event_freshness_seconds"]
    assert (found["Values"], found["Counts"]) == ([0.025, 3600], [500, 2])
    assert (found["Min"], found["Max"], found["Count"]) == (0.025, 3600, 502)
    assert found["Sum"] == 200_010
    assert values_of(second, source="facebook")["event_freshness_seconds"]["Counts"] == [1]


def test_a_state_is_written_while_it_is_something_and_when_it_is_over() -> None:
    registry = CollectorRegistry()
    embedded, metrics = EmbeddedMetrics(registry), ConsumerMetrics(registry, "fb-collector")
    found = []
    for imbalance in (0, 5, 5, 0, 0):
        metrics.imbalance.set(imbalance)
        found.append(values_of(list(embedded.lines()), service="fb-collector"))

    assert found == [{}, *({"ledger_imbalance_events": it} for it in (5, 5, 0)), {}]


def test_names_and_dimensions_are_those_of_prometheus() -> None:
    registry = CollectorRegistry()
    embedded = EmbeddedMetrics(registry)
    HttpMetrics(registry, "gateway").answered("/events", 202, 0.1)
    ReportMetrics(registry, REPORTS).seconds.labels("events").observe(0.1)
    lines = list(embedded.lines())

    http = values_of(lines, service="gateway", route="/events", status="202")
    assert list(http) == ["http_request_duration_seconds"]
    assert list(values_of(lines, report_type="events")) == ["report_duration_seconds"]
    for line in lines:
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            assert metric["Unit"] == "Seconds"


def test_what_is_flushed_is_a_line_of_json_each(capfd: Any) -> None:
    registry = CollectorRegistry()
    embedded, events = EmbeddedMetrics(registry), EventMetrics(registry, "gateway")
    events.accepted("facebook", 1)
    events.accepted("tiktok", 1)

    embedded.flush()

    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.match(r'\{"_aws":\{"Timestamp":\d{13},', line) for line in lines)
