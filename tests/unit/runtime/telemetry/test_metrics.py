from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from functions.errors import Unavailable
from functions.fb_collector.handler import handle as collect
from functions.messages import Delivery
from functions.reporter.handler import REPORTS
from runtime.bus.counted import CountedBus
from runtime.bus.work import dead_letter_work, event_work
from runtime.http.byte_budget import ByteBudget
from runtime.http.in_hand import InHand
from runtime.telemetry.metrics import (
    ConsumerMetrics,
    EventMetrics,
    Freshness,
    ReportMetrics,
    Saturation,
    new_registry,
)
from runtime.telemetry.server_metrics import Measured, Sample, ServerFigure
from tests.builders import NOON, a_facebook_event, a_letter, a_part, letters_of, raw
from tests.doubles.fakes import FakeBus, FakeEventStore

LABELS = ("service", "source", "error_type", "reason", "report_type", "le")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Read the samples of ``/metrics``: name and label values, without creation times."""
    return {
        (sample.name, *(sample.labels[key] for key in LABELS if key in sample.labels)): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counters_start_from_zero(registry: CollectorRegistry) -> None:
    EventMetrics(registry, "gateway").expect(["facebook"], ["invalid"])

    assert samples(registry) == {
        ("events_failed_total", "gateway", "facebook", "invalid"): 0,
        ("events_accepted_total", "gateway", "facebook"): 0,
        ("events_processed_total", "gateway", "facebook"): 0,
        ("events_duplicate_total", "gateway", "facebook"): 0,
    }


async def test_the_gateway_counts_what_it_accepts_and_what_is_safe(
    registry: CollectorRegistry,
) -> None:
    bus = FakeBus()
    counted = CountedBus(bus, EventMetrics(registry, "gateway"))

    await counted.publish("facebook", a_part(b"1", b"2"))
    await counted.publish_dead_letters([a_letter(), a_letter(source=None), a_letter(source=None)])
    bus.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await counted.publish("facebook", a_part(b"3"))

    assert samples(registry) == {
        ("events_accepted_total", "gateway", "facebook"): 3,
        ("events_processed_total", "gateway", "facebook"): 2,
        ("events_failed_total", "gateway", "facebook", "invalid"): 1,
        ("events_failed_total", "gateway", "unknown", "invalid"): 2,
        ("events_failed_total", "gateway", "facebook", "unavailable"): 1,
    }


async def test_a_collector_counts_each_event_as_one_thing(registry: CollectorRegistry) -> None:
    store = FakeEventStore(refuses=lambda row: row.event_id == "fb-refused")
    events = EventMetrics(registry, "fb-collector")
    metrics = ConsumerMetrics(registry, "fb-collector")
    work = event_work("facebook", partial(collect, store=store), store, metrics, events)
    good = raw(a_facebook_event())
    refused = raw(a_facebook_event(eventId="fb-refused"))

    await work.handle([a_part(good, good), a_part(refused, b"{}")])
    await work.dead_letter(a_letter(reason="unreadable"), None)

    found = samples(registry)
    label = ("fb-collector", "facebook")
    assert found["events_accepted_total", *label] == 4
    assert found["events_processed_total", *label] == 1
    assert found["events_duplicate_total", *label] == 1
    assert found["events_failed_total", *label, "invalid"] == 1
    assert found["events_failed_total", *label, "refused"] == 1
    assert found["events_failed_total", *label, "unreadable"] == 1
    assert found["dead_letters_total", "fb-collector", "rejected"] == 1
    assert found["dead_letters_total", "fb-collector", "refused"] == 1
    assert found["dead_letters_total", "fb-collector", "unreadable"] == 1
    assert found["batch_events_sum", "fb-collector"] == 4
    assert found["event_freshness_seconds_count", "facebook"] == 4


async def test_a_replayed_event_does_not_count_as_late(registry: CollectorRegistry) -> None:
    store = FakeEventStore()
    metrics = ConsumerMetrics(registry, "fb-collector")
    events = EventMetrics(registry, "fb-collector")
    work = event_work("facebook", partial(collect, store=store), store, metrics, events)
    replayed = Delivery(NOON, 7, 1, is_replayed=True)

    await work.handle([replace(a_part(raw(a_facebook_event())), delivery=replayed)])

    found = samples(registry)
    assert found["events_processed_total", "fb-collector", "facebook"] == 1
    assert ("event_freshness_seconds_count", "facebook") not in found


async def test_what_fails_is_not_counted_as_done(registry: CollectorRegistry) -> None:
    store = FakeEventStore()
    store.become_unavailable()
    events = EventMetrics(registry, "fb-collector")
    metrics = ConsumerMetrics(registry, "fb-collector")
    work = event_work("facebook", partial(collect, store=store), store, metrics, events)

    with pytest.raises(Unavailable):
        await work.handle([a_part()])

    counted = {name for name, *_ in samples(registry) if name.startswith("events_")}
    assert counted == {"events_accepted_total"}  # it was fetched from the broker, and nothing more


async def test_the_collector_of_dead_letters_counts_them_by_reason(
    registry: CollectorRegistry,
) -> None:
    work = dead_letter_work(FakeEventStore(), ConsumerMetrics(registry, "dead-letters"))

    await work.handle([letters_of(a_letter(), a_letter()), letters_of(a_letter(reason="refused"))])

    found = samples(registry)
    assert found["dead_letters_total", "dead-letters", "rejected"] == 2
    assert found["dead_letters_total", "dead-letters", "refused"] == 1


def test_freshness_counts_events_in_cumulative_buckets(registry: CollectorRegistry) -> None:
    freshness = Freshness()
    registry.register(freshness)

    freshness.observe("facebook", 0.05, 3)
    freshness.observe("facebook", 4000, 2)

    found = samples(registry)
    assert found["event_freshness_seconds_bucket", "facebook", "0.025"] == 0
    assert found["event_freshness_seconds_bucket", "facebook", "0.05"] == 3
    assert found["event_freshness_seconds_bucket", "facebook", "3600.0"] == 3
    assert found["event_freshness_seconds_bucket", "facebook", "+Inf"] == 5
    assert found["event_freshness_seconds_count", "facebook"] == 5
    assert found["event_freshness_seconds_sum", "facebook"] == pytest.approx(8000.15)


def test_reports_are_timed_from_a_millisecond(registry: CollectorRegistry) -> None:
    ReportMetrics(registry, REPORTS).seconds.labels("events").observe(0.0005)

    assert samples(registry)["report_duration_seconds_bucket", "events", "0.001"] == 1


def test_the_process_shows_its_own_figures() -> None:
    names: set[Any] = {name for name, *_ in samples(new_registry())}

    assert {"process_resident_memory_bytes", "python_gc_collections_total"} <= names


def test_saturation_is_asked_for_when_it_is_read(registry: CollectorRegistry) -> None:
    budget = ByteBudget(100)
    in_hand = InHand(4)
    saturation = Saturation(registry, "gateway")
    saturation.watch("small_bodies", budget.filled)
    saturation.watch("requests", in_hand.filled)

    budget.take_at_once(25)
    in_hand.now = 3

    found = {
        sample.labels["resource"]: sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    assert found == {"small_bodies": 0.25, "requests": 0.75}


def test_what_was_not_measured_again_is_shown_no_more(registry: CollectorRegistry) -> None:
    measured = Measured(
        [ServerFigure("one", "One"), ServerFigure("two_total", "Two", ("at",))], registry
    )

    measured.show([Sample("one", 1), Sample("two_total", 2, ("here",))])
    assert samples(registry) == {("one",): 1, ("two_total",): 2}
    measured.show([Sample("one", 3)])

    assert samples(registry) == {("one",): 3}
