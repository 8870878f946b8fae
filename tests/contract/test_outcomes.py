"""One table: on every transport, the same case has the same outcome.

A further transport is one more class and one more entry of ``TRANSPORTS``.
"""

import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final, Protocol

import httpx
import pytest
from prometheus_client import CollectorRegistry

from functions.errors import Invalid, Unavailable
from functions.fb_collector.handler import handle as collect
from functions.gateway.handler import handle as take
from functions.messages import AcceptedBatch
from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.routing import Router
from runtime.aws.sqs import QueueFunction, QueueUnit
from runtime.bus.envelopes import encode
from runtime.bus.work import MessageHandler, event_work
from runtime.http.body import BodyReader
from runtime.http.cloud_events.collector import collector_cloud_events, read_events
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.cloud_events.taking import PATH
from runtime.http.gateway import gateway_endpoint
from runtime.http.request import Endpoints
from runtime.http.responses import HttpProblem
from runtime.http.server.app import create_app
from runtime.http.splitting import split_json
from runtime.jetstream.connection import Broker
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics, HttpMetrics
from tests.aws.invoking import a_record, a_request, closed, holding, invoke, nothing
from tests.builders import NOON, a_facebook_event, a_part, raw
from tests.contract.broker import a_broker, consuming, eventually, waiting
from tests.doubles.fakes import FakeBus, FakeEventStore
from tests.durables import FB_COLLECTOR

LIMIT = 10_000
SERVICE = "fb-collector"


class Outcome(Enum):
    """The outcome for a sender; see ``functions.errors``."""

    DONE = "acknowledged, 2xx"
    NEVER_AGAIN = "dead letter, 4xx"
    AGAIN = "given back, 5xx"


@dataclass(frozen=True)
class Case:
    """An input, and the state of the servers.

    Attributes:
        body: The body over HTTP.
        message: The message over a queue.
        failure: The error that every port raises.
        outcome: The required outcome on every transport.
    """

    body: bytes
    message: bytes
    outcome: Outcome
    failure: Exception | None = None


GOOD: Final = raw(a_facebook_event(eventId="fb-1"))
BAD: Final = raw(a_facebook_event(eventId="fb-1", timestamp="invalid-timestamp"))
ENVELOPE: Final = encode("facebook", [a_part(GOOD)])
BOMB: Final = partial(zlib.compress, bytes(257 * 1024**2), 1)

CASES: Final[dict[str, Callable[[], Case]]] = {
    "fine": lambda: Case(GOOD, ENVELOPE, Outcome.DONE),
    "invalid": lambda: Case(BAD, encode("facebook", [a_part(BAD)]), Outcome.NEVER_AGAIN),
    "unavailable": lambda: Case(GOOD, ENVELOPE, Outcome.AGAIN, Unavailable("away")),
    "a crash": lambda: Case(GOOD, ENVELOPE, Outcome.AGAIN, ZeroDivisionError()),
    "a deadline": lambda: Case(GOOD, ENVELOPE, Outcome.AGAIN, TimeoutError()),
    "an empty body": lambda: Case(b"", b"", Outcome.NEVER_AGAIN),
    "a body over the limit": lambda: Case(b" " * LIMIT + GOOD, BOMB(), Outcome.NEVER_AGAIN),
}


class Transport(Protocol):
    """Delivers a case to a function."""

    async def bring(self, case: Case) -> Outcome:
        """Deliver it, and return the sender's outcome."""

    async def bring_again(self, case: Case) -> Outcome:
        """Deliver it, or wait until it is redelivered, with all ports working."""

    def keeps(self, event: bytes) -> bool:
        """Return whether an event has arrived."""


@dataclass
class Direct:
    """A direct call of the function."""

    bus: FakeBus = field(default_factory=FakeBus)

    async def bring(self, case: Case) -> Outcome:
        self.bus.failure = case.failure
        try:
            async with a_reader().read({}, arriving(case.body)) as body:
                receipt = await take(
                    split_json(body, 1024**2), correlation_id="x", accepted_at=NOON, bus=self.bus
                )
        except (Invalid, HttpProblem):
            return Outcome.NEVER_AGAIN
        except Exception:  # noqa: BLE001 - as the table says
            return Outcome.AGAIN
        return Outcome.DONE if receipt.accepted_total else Outcome.NEVER_AGAIN

    async def bring_again(self, case: Case) -> Outcome:
        return await self.bring(Case(case.body, case.message, case.outcome))

    def keeps(self, event: bytes) -> bool:
        return event in self.bus.events


@dataclass
class Http:
    """``POST /events`` on the ASGI application."""

    client: httpx.AsyncClient
    bus: FakeBus

    async def bring(self, case: Case) -> Outcome:
        self.bus.failure = case.failure
        headers = {"content-type": "application/json"}
        answer = await self.client.post("/events", content=case.body, headers=headers)
        return {2: Outcome.DONE, 4: Outcome.NEVER_AGAIN, 5: Outcome.AGAIN}[
            answer.status_code // 100
        ]

    async def bring_again(self, case: Case) -> Outcome:
        return await self.bring(Case(case.body, case.message, case.outcome))

    def keeps(self, event: bytes) -> bool:
        return event in self.bus.events


@dataclass
class JetStream:
    """A message on a real broker, and the collector's loop."""

    broker: Broker
    store: FakeEventStore
    registry: CollectorRegistry

    async def bring(self, case: Case) -> Outcome:
        self.store.failure = case.failure
        await self.broker.jetstream.publish(FB_COLLECTOR.subject, case.message)
        return await self._outcome(given_back=0)

    async def bring_again(self, case: Case) -> Outcome:  # noqa: ARG002 - it comes by itself
        given_back = self._given_back()
        self.store.failure = None
        return await self._outcome(given_back)

    async def _outcome(self, given_back: float) -> Outcome:
        found: list[Outcome] = []

        async def is_settled() -> bool:
            if self._given_back() > given_back:
                found.append(Outcome.AGAIN)
            elif await waiting(self.broker, FB_COLLECTOR) == 0:
                found.append(Outcome.NEVER_AGAIN if self.store.letters else Outcome.DONE)
            return bool(found)

        await eventually(is_settled)
        return found[0]

    def _given_back(self) -> float:
        found = self.registry.get_sample_value("messages_retried_total", {"service": SERVICE})
        return found or 0

    def keeps(self, event: bytes) -> bool:
        return event.decode() in [row.payload for row in self.store.rows.values()]


@dataclass
class LambdaHttp:
    """``POST /events`` as API Gateway hands it to Lambda."""

    function: HttpFunction
    bus: FakeBus

    async def bring(self, case: Case) -> Outcome:
        self.bus.failure = case.failure
        answer = await invoke(self.function, a_request("POST", "/events", case.body))
        return {2: Outcome.DONE, 4: Outcome.NEVER_AGAIN, 5: Outcome.AGAIN}[
            answer["statusCode"] // 100
        ]

    async def bring_again(self, case: Case) -> Outcome:
        return await self.bring(Case(case.body, case.message, case.outcome))

    def keeps(self, event: bytes) -> bool:
        return event in self.bus.events


@dataclass
class LambdaSqs:
    """A record of SQS."""

    function: QueueFunction[AcceptedBatch]
    store: FakeEventStore

    async def bring(self, case: Case) -> Outcome:
        self.store.failure = case.failure
        answer = await invoke(self.function, {"Records": [a_record(case.message, "record-1")]})
        if answer["batchItemFailures"] == [{"itemIdentifier": "record-1"}]:
            return Outcome.AGAIN
        assert answer == {"batchItemFailures": []}
        return Outcome.NEVER_AGAIN if self.store.letters else Outcome.DONE

    async def bring_again(self, case: Case) -> Outcome:
        return await self.bring(Case(case.body, case.message, case.outcome))

    def keeps(self, event: bytes) -> bool:
        return event.decode() in [row.payload for row in self.store.rows.values()]


@dataclass
class CloudEvents:
    """``POST /cloudevents``, binary, of the gateway or of a collector: never a 4xx.

    Attributes:
        port: Where the function puts events and dead letters.
        body_of: The body for a case.
    """

    client: httpx.AsyncClient
    port: FakeBus | FakeEventStore
    body_of: Callable[[Case], bytes]

    async def bring(self, case: Case) -> Outcome:
        self.port.failure = case.failure
        headers = {
            "content-type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "/test",
            "ce-type": "test",
        }
        answer = await self.client.post("/cloudevents", content=self.body_of(case), headers=headers)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return Outcome.AGAIN
        if not self.body_of(case):  # nothing that could be kept: the only 4xx
            assert answer.status_code == httpx.codes.BAD_REQUEST
            return Outcome.NEVER_AGAIN
        assert (answer.status_code, answer.content) == (httpx.codes.NO_CONTENT, b"")
        return Outcome.NEVER_AGAIN if self.port.letters else Outcome.DONE

    async def bring_again(self, case: Case) -> Outcome:
        return await self.bring(Case(case.body, case.message, case.outcome))

    def keeps(self, event: bytes) -> bool:
        if isinstance(self.port, FakeBus):
            return event in self.port.events
        return event.decode() in [row.payload for row in self.port.rows.values()]


async def arriving(body: bytes) -> AsyncIterator[bytes]:
    yield body


@asynccontextmanager
async def directly(_nats_url: str) -> AsyncIterator[Transport]:
    yield Direct()


@asynccontextmanager
async def over_http(_nats_url: str) -> AsyncIterator[Transport]:
    bus = FakeBus()
    async with _calling({"/events": ("POST", gateway_endpoint(bus, a_reader()))}) as client:
        yield Http(client, bus)


@asynccontextmanager
async def on_lambda_over_http(_nats_url: str) -> AsyncIterator[Transport]:
    bus = FakeBus()
    router = Router({"/events": ("POST", gateway_endpoint(bus, a_reader()))})
    function = HttpFunction("gateway", holding(HttpUnit(router, nothing)), CollectorRegistry())
    async with closed(function):
        yield LambdaHttp(function, bus)


@asynccontextmanager
async def on_lambda_over_sqs(_nats_url: str) -> AsyncIterator[Transport]:
    store, registry = FakeEventStore(), CollectorRegistry()
    metrics = ConsumerMetrics(registry, SERVICE)
    unit = QueueUnit(_work(store, registry, metrics), nothing, nothing)
    function = QueueFunction(holding(unit), registry, metrics)
    async with closed(function):
        yield LambdaSqs(function, store)


@asynccontextmanager
async def to_the_gateway_as_cloud_events(_nats_url: str) -> AsyncIterator[Transport]:
    bus = FakeBus()
    async with _calling({PATH: ("POST", gateway_cloud_events(bus, a_reader()))}) as client:
        yield CloudEvents(client, bus, lambda case: case.body)


@asynccontextmanager
async def to_a_collector_as_cloud_events(_nats_url: str) -> AsyncIterator[Transport]:
    store, registry = FakeEventStore(), CollectorRegistry()
    work = _work(store, registry, ConsumerMetrics(registry, SERVICE))
    endpoint = collector_cloud_events(work, a_reader(), read_events)
    async with _calling({PATH: ("POST", endpoint)}) as client:
        yield CloudEvents(client, store, lambda case: case.message)


@asynccontextmanager
async def over_jetstream(nats_url: str) -> AsyncIterator[Transport]:
    store, registry = FakeEventStore(), CollectorRegistry()
    metrics = ConsumerMetrics(registry, SERVICE)
    work = _work(store, registry, metrics)
    async with (
        a_broker(nats_url) as broker,
        consuming(broker, FB_COLLECTOR, work, metrics=metrics),
    ):
        yield JetStream(broker, store, registry)


def a_reader() -> BodyReader:
    return BodyReader(limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5)


def _work(
    store: FakeEventStore, registry: CollectorRegistry, metrics: ConsumerMetrics
) -> MessageHandler[AcceptedBatch]:
    events = EventMetrics(registry, SERVICE)
    return event_work("facebook", partial(collect, store=store), store, metrics, events)


@asynccontextmanager
async def _calling(endpoints: Endpoints) -> AsyncIterator[httpx.AsyncClient]:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry, "test")
    app = create_app(endpoints, health=Health(), registry=registry, metrics=metrics)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


TRANSPORTS: Final[dict[str, Callable[[str], AbstractAsyncContextManager[Transport]]]] = {
    "direct call": directly,
    "HTTP": over_http,
    "JetStream": over_jetstream,
    "Lambda HTTP": on_lambda_over_http,
    "Lambda SQS": on_lambda_over_sqs,
    "CloudEvents to the gateway": to_the_gateway_as_cloud_events,
    "CloudEvents to a collector": to_a_collector_as_cloud_events,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("transport_name", TRANSPORTS)
async def test_a_case_has_the_same_outcome_on_every_transport(
    name: str, transport_name: str, nats_url: str
) -> None:
    case = CASES[name]()
    async with TRANSPORTS[transport_name](nats_url) as transport:
        outcome = await transport.bring(case)

        assert outcome is case.outcome
        assert transport.keeps(GOOD) is (outcome is Outcome.DONE)
        if outcome is Outcome.AGAIN:
            assert await transport.bring_again(case) is Outcome.DONE
            assert transport.keeps(GOOD)
