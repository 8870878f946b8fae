"""The collectors' log of a batch: enough to find a request, and nothing for empty batches."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from functions.fb_collector.handler import handle as collect
from functions.messages import AcceptedBatch, EnvelopeOutcome
from runtime.bus import work
from runtime.bus.work import MessageHandler, dead_letter_work, event_work
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics
from tests.builders import NOON, a_facebook_event, a_letter, raw
from tests.doubles.fakes import FakeEventStore


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The log, including debug, however another test has set up logging."""
    capture = LogCapture()
    logger = structlog.wrap_logger(
        None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    monkeypatch.setattr(work, "_log", logger)
    return capture.entries


def events_work() -> MessageHandler[AcceptedBatch]:
    registry, store = CollectorRegistry(), FakeEventStore()
    metrics = ConsumerMetrics(registry, "fb-collector")
    handler = partial(collect, store=store)
    return event_work("facebook", handler, store, metrics, EventMetrics(registry, "fb-collector"))


def letters_work() -> MessageHandler[EnvelopeOutcome]:
    return dead_letter_work(FakeEventStore(), ConsumerMetrics(CollectorRegistry(), "dead-letters"))


def parts(**events: int) -> Sequence[AcceptedBatch]:
    return [
        AcceptedBatch(request, NOON, [raw(a_facebook_event()) for _ in range(number)])
        for request, number in events.items()
    ]


async def test_a_batch_names_the_requests_whose_events_it_stored(logged: list[Any]) -> None:
    await events_work().handle(parts(b=1, a=2, teller=0))

    [line] = [it for it in logged if it["event"] == "batch stored"]
    assert (line["log_level"], line["stored"]) == ("info", 3)
    assert line["correlation_ids"] == ["a", "b"]


async def test_a_batch_that_only_tells_of_others_is_no_line_for_people(logged: list[Any]) -> None:
    await events_work().handle(parts(teller=0))

    assert [it["log_level"] for it in logged] == ["debug"]


async def test_dead_letters_name_the_requests_that_they_came_with(logged: list[Any]) -> None:
    letters = [a_letter(correlation_id="b"), a_letter(correlation_id="a", payload=b"2")]

    await letters_work().handle([EnvelopeOutcome(None, [], letters), EnvelopeOutcome(None, [], [])])
    await letters_work().handle([EnvelopeOutcome(None, [], [])])

    [line, nothing] = [it for it in logged if it["event"] == "dead letters stored"]
    assert (line["correlation_ids"], line["stored"]) == (["a", "b"], 2)
    assert (line["log_level"], nothing["log_level"]) == ("info", "debug")
