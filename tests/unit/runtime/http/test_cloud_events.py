"""CloudEvents over HTTP, in each mode, to the gateway and to collectors."""

import base64
import gzip
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from cloudevents.v1 import conversion as sdk_1
from cloudevents.v1.http import CloudEvent as Sdk1Event
from prometheus_client import CollectorRegistry

from functions.fb_collector.handler import handle as collect
from runtime.bus.envelopes import encode, encode_letters
from runtime.bus.work import dead_letter_work, event_work
from runtime.http.body import BodyReader
from runtime.http.cloud_events.collector import (
    collector_cloud_events,
    read_events,
    read_nothing,
)
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.cloud_events.reading import BATCH, STRUCTURED
from runtime.http.cloud_events.taking import PATH
from runtime.http.request import Endpoint
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics, HttpMetrics
from tests.builders import a_facebook_event, a_letter, a_part, a_tiktok_event, raw
from tests.doubles.fakes import FakeBus, FakeEventStore

LIMIT = 200_000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GOOD = raw(a_facebook_event(eventId="fb-1"))
EXACT = raw(a_facebook_event(eventType="checkout.complete", engagement={"purchaseAmount": 1.10}))
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/test",
    "ce-type": "test",
}

Post = Callable[[bytes, dict[str, str]], Any]
SdkData = dict[str, Any] | bytes
Sent = tuple[bytes, dict[str, str]]


def a_cloud_event(**fields: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "1", "source": "/test", "type": "test", **fields}


def structured(data: bytes, **fields: Any) -> bytes:
    """Write an event in structured mode, its data byte for byte."""
    return raw(a_cloud_event(**fields, data="@")).replace(b'"@"', data)


async def post(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> httpx.Response:
    registry = CollectorRegistry()
    app = create_app(
        {PATH: ("POST", endpoint)},
        health=Health(),
        registry=registry,
        metrics=HttpMetrics(registry, "test"),
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(PATH, content=body, headers=headers)


def a_reader() -> BodyReader:
    return BodyReader(
        limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5, event_size_limit=50_000
    )


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def to_gateway(bus: FakeBus) -> Post:
    return partial(post, gateway_cloud_events(bus, a_reader()))


@pytest.fixture
def store() -> FakeEventStore:
    return FakeEventStore()


@pytest.fixture
def to_collector(store: FakeEventStore) -> Post:
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry, "fb-collector")
    events = EventMetrics(registry, "fb-collector")
    work = event_work("facebook", partial(collect, store=store), store, metrics, events)
    return partial(post, collector_cloud_events(work, a_reader(), read_events))


def assert_taken(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (EXACT, BINARY),
        (b"[" + EXACT + b"]", BINARY),
        (structured(EXACT), {"content-type": f"{STRUCTURED}; charset=utf-8"}),
        (structured(b"[" + EXACT + b"]"), {"content-type": STRUCTURED}),
        (structured(raw(EXACT.decode())), {"content-type": STRUCTURED}),
        (
            raw(a_cloud_event(data_base64=base64.b64encode(EXACT).decode())),
            {"content-type": STRUCTURED},
        ),
        (b"[" + structured(EXACT) + b"]", {"content-type": BATCH}),
    ],
    ids=["binary", "array", "structured", "array in it", "string in it", "base64 in it", "batch"],
)
async def test_data_reach_the_bus_byte_for_byte(
    to_gateway: Post, bus: FakeBus, body: bytes, headers: dict[str, str]
) -> None:
    assert_taken(await to_gateway(body, headers))

    assert bus.events == [EXACT]
    assert bus.letters == []


def sdk_attributes() -> dict[str, Any]:
    """The values that the SDK's user gives; the SDK adds id, time and version."""
    ours = {"type": "event", "source": "/sdk", "datacontenttype": "application/json"}
    return {**ours, "correlationid": "order:42", "traceparent": TRACE}


def sdk_binary(data: SdkData) -> Sent:
    message = to_binary_event(SdkEvent(sdk_attributes(), data))
    return message.body, message.headers


def sdk_structured(data: SdkData) -> Sent:
    message = to_structured_event(SdkEvent(sdk_attributes(), data))
    return message.body, message.headers


def sdk_1_binary(data: SdkData) -> Sent:
    headers, body = sdk_1.to_binary(Sdk1Event(sdk_attributes(), data))
    return body, headers


def sdk_1_structured(data: SdkData) -> Sent:
    headers, body = sdk_1.to_structured(Sdk1Event(sdk_attributes(), data))
    return body, headers


SDKS = pytest.mark.parametrize(
    "write", [sdk_binary, sdk_structured, sdk_1_binary, sdk_1_structured]
)
SDK_DATA = pytest.mark.parametrize(
    "data", [a_facebook_event(eventId="fb-1"), EXACT], ids=["dict", "bytes"]
)


@SDKS
@SDK_DATA
async def test_what_the_sdk_sends_reaches_the_bus(
    to_gateway: Post, bus: FakeBus, write: Callable[[SdkData], Sent], data: SdkData
) -> None:
    assert_taken(await to_gateway(*write(data)))

    [part] = bus.parts["facebook"]
    assert (part.correlation_id, part.trace_parent) == ("order:42", TRACE)
    [event] = part.events
    assert event == data if isinstance(data, bytes) else json.loads(event) == data
    assert bus.letters == []


@SDKS
@SDK_DATA
async def test_what_the_sdk_sends_to_a_collector_is_stored(
    to_collector: Post, store: FakeEventStore, write: Callable[[SdkData], Sent], data: SdkData
) -> None:
    assert_taken(await to_collector(*write(data)))

    assert len(store.rows) == 1
    assert store.letters == {}


@SDKS
async def test_a_faulty_event_of_the_sdk_is_a_dead_letter(
    to_gateway: Post, bus: FakeBus, write: Callable[[SdkData], Sent]
) -> None:
    assert_taken(await to_gateway(*write({"eventId": "fb-1"})))

    [letter] = bus.letters
    assert json.loads(letter.payload) == {"eventId": "fb-1"}
    assert bus.events == []


@pytest.mark.parametrize(
    ("body", "headers", "kept"),
    [
        (b"1", BINARY, b"1"),
        (b"{", BINARY, b"{"),
        (structured(b"{}"), {"content-type": STRUCTURED}, b"{}"),
        (b"[1", {"content-type": BATCH}, b"[1"),
        (b"[1]", {"content-type": BATCH}, b"1"),
        (b'{"id": "1"}', {"content-type": STRUCTURED}, b'{"id": "1"}'),
        (raw(a_cloud_event()), {"content-type": STRUCTURED}, b""),
        (
            raw(a_cloud_event(data_base64="%")),
            {"content-type": STRUCTURED},
            raw(a_cloud_event(data_base64="%")),
        ),
        (b"[" * 5000, {"content-type": STRUCTURED}, b"[" * 5000),
        (
            raw(a_cloud_event(specversion="2.0", data={})),
            {"content-type": STRUCTURED},
            raw(a_cloud_event(specversion="2.0", data={})),
        ),
    ],
)
async def test_poison_is_a_dead_letter_and_never_a_4xx(
    to_gateway: Post, bus: FakeBus, body: bytes, headers: dict[str, str], kept: bytes
) -> None:
    assert_taken(await to_gateway(body, headers))

    assert [letter.payload for letter in bus.letters] == [kept]
    assert bus.events == []


@pytest.mark.parametrize("content_type", ["application/json", STRUCTURED, BATCH])
async def test_an_empty_body_is_said_to_be_that(
    to_gateway: Post, bus: FakeBus, content_type: str
) -> None:
    answer = await to_gateway(b"", BINARY | {"content-type": content_type})

    assert answer.status_code == 400
    assert bus.letters == []


async def test_good_ones_beside_poison_are_kept(to_gateway: Post, bus: FakeBus) -> None:
    batch = b"[" + b",".join([structured(b"{}"), structured(GOOD), b"7", structured(b"[]")]) + b"]"

    assert_taken(await to_gateway(batch, {"content-type": BATCH}))

    assert bus.events == [GOOD]
    assert [letter.payload for letter in bus.letters] == [b"{}", b"7"]


async def test_a_body_over_the_limit_is_a_dead_letter_with_its_head(
    to_gateway: Post, bus: FakeBus
) -> None:
    assert_taken(await to_gateway(b"x" * (LIMIT + 1), BINARY))
    assert_taken(await to_gateway(b"x" * LIMIT, BINARY))

    assert [len(letter.payload) for letter in bus.letters] == [64 * 1024, 64 * 1024]
    assert bus.letters[0].fault.code == "body_too_large"


async def test_what_can_not_be_unpacked_is_a_dead_letter(to_gateway: Post, bus: FakeBus) -> None:
    packed = {**BINARY, "content-encoding": "gzip"}
    assert_taken(await to_gateway(gzip.compress(GOOD), packed))
    assert_taken(await to_gateway(b"no gzip", packed))

    assert bus.events == [GOOD]
    assert [letter.payload for letter in bus.letters] == [b"no gzip"]


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}])
async def test_a_request_that_is_not_a_cloud_event_is_a_wrong_call(
    to_gateway: Post, bus: FakeBus, headers: dict[str, str]
) -> None:
    answer = await to_gateway(GOOD, headers)

    assert answer.status_code == 415
    assert (bus.events, bus.letters) == ([], [])


async def test_unavailable_inputs_may_be_sent_again(
    to_gateway: Post, to_collector: Post, bus: FakeBus, store: FakeEventStore
) -> None:
    store.become_unavailable()
    bus.failure = store.failure
    for send in (to_gateway, to_collector):
        for body in (GOOD, b"x", b"x" * (LIMIT + 1)):
            answer = await send(body, BINARY)
            assert answer.status_code == 503
            assert "retry-after" in answer.headers


async def test_ids_come_from_the_event_or_else_from_the_request(
    to_gateway: Post, bus: FakeBus
) -> None:
    batch = [
        a_cloud_event(correlationid="own", traceparent=TRACE, data=a_facebook_event()),
        a_cloud_event(correlationid="b a d", traceparent="bad", data=a_facebook_event()),
        a_cloud_event(data=a_facebook_event()),
    ]
    await to_gateway(raw(batch), {"content-type": BATCH, "x-correlation-id": "request"})
    await to_gateway(GOOD, {**BINARY, "ce-correlationid": "in%2Dheader", "ce-traceparent": TRACE})

    parts = bus.parts["facebook"]
    assert [(part.correlation_id, part.trace_parent, len(part.events)) for part in parts] == [
        ("own", TRACE, 1),
        ("request", None, 2),
        ("in-header", TRACE, 1),
    ]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (encode("facebook", [a_part(GOOD, EXACT)]), 2),
        (GOOD, 1),
        (b"[" + GOOD + b"," + EXACT + b"]", 2),
        (b"[]", 0),
    ],
)
async def test_a_collector_takes_envelopes_and_events(
    to_collector: Post, store: FakeEventStore, data: bytes, rows: int
) -> None:
    assert_taken(await to_collector(structured(data), {"content-type": STRUCTURED}))
    assert_taken(await to_collector(data, BINARY))

    assert len(store.rows) == rows
    assert store.letters == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x", "unreadable"),
        (encode("tiktok", [a_part(raw(a_tiktok_event()))]), "unreadable"),
        (b'{"source": "facebook", "parts": 1}', "unreadable"),
        (raw(a_tiktok_event()), "rejected"),
        (b"{}", "rejected"),
        (b"x" * (LIMIT + 1), "unreadable"),
    ],
)
async def test_a_collector_keeps_poison(
    to_collector: Post, store: FakeEventStore, data: bytes, reason: str
) -> None:
    assert_taken(await to_collector(data, BINARY))

    assert [letter.reason for letter in store.letters.values()] == [reason]
    assert store.rows == {}


async def test_the_collector_of_dead_letters_keeps_whatever_comes(store: FakeEventStore) -> None:
    work = dead_letter_work(store, ConsumerMetrics(CollectorRegistry(), "dead-letters"))
    endpoint = collector_cloud_events(work, a_reader(), read_nothing)
    letter = a_letter()

    assert_taken(await post(endpoint, encode_letters([letter]), BINARY))
    assert_taken(await post(endpoint, GOOD, BINARY))

    assert [(it.reason, it.payload) for it in store.letters.values()] == [
        ("rejected", letter.payload),
        ("unreadable", GOOD),
    ]


async def test_a_crash_is_no_success(to_gateway: Post, bus: FakeBus) -> None:
    bus.failure = ZeroDivisionError()

    answer = await to_gateway(GOOD, BINARY)

    assert answer.status_code == 500
    assert "ZeroDivisionError" not in json.dumps(answer.json())


@pytest.mark.parametrize("body", [b"[" + b"1," * 20_000 + GOOD + b"]"])
async def test_masses_are_one_letter_for_the_gateway_and_for_a_collector(
    to_gateway: Post, to_collector: Post, bus: FakeBus, store: FakeEventStore, body: bytes
) -> None:
    for _ in range(2):
        assert_taken(await to_gateway(body, BINARY))
        assert_taken(await to_collector(structured(body), {"content-type": STRUCTURED}))

    assert bus.events == [GOOD, GOOD]
    assert [letter.elements for letter in bus.letters] == 2 * [*[1] * 1000, 19_000]
    assert len(store.rows) == 1
    assert sorted(letter.elements for letter in store.letters.values()) == [*[1] * 1000, 19_000]


async def test_a_batch_of_as_many_origins_has_no_more_letters(
    to_gateway: Post, bus: FakeBus
) -> None:
    batch = b",".join(structured(b"1", correlationid=f"c-{number}") for number in range(1500))

    assert_taken(await to_gateway(b"[" + batch + b"]", {"content-type": BATCH}))

    assert [letter.elements for letter in bus.letters] == [*[1] * 1000, 500]


async def test_an_event_that_is_too_large_is_rejected_alone(
    to_gateway: Post, to_collector: Post, bus: FakeBus, store: FakeEventStore
) -> None:
    large = raw(a_facebook_event(eventId="fb-large", pad="x" * 60_000))
    for body, headers in (
        (b"[" + large + b"," + GOOD + b"]", BINARY),
        (structured(b"[" + large + b"," + GOOD + b"]"), {"content-type": STRUCTURED}),
        (b"[" + structured(large) + b"," + structured(GOOD) + b"]", {"content-type": BATCH}),
    ):
        bus.letters.clear()
        store.letters.clear()

        assert_taken(await to_gateway(body, headers))
        assert_taken(await to_collector(body, headers))

        for letter in (*bus.letters, *store.letters.values()):
            assert (letter.fault.code, letter.event_id) == ("event_too_large", "fb-large")
            assert letter.payload == large
        assert len(bus.letters) == len(store.letters) == 1
    assert bus.events == [GOOD] * 3
    assert len(store.rows) == 1


LARGE = [
    raw(a_facebook_event(eventId=f"fb-{number}", extra="ä\U0001f600/")) for number in range(900)
]
LARGE_ARRAY = b"[" + b",".join(LARGE) + b"]"


@pytest.mark.parametrize(
    "body",
    [
        structured(LARGE_ARRAY),
        b"\xef\xbb\xbf " + structured(LARGE_ARRAY),
        structured(raw(LARGE_ARRAY.decode())),
        structured(json.dumps(LARGE_ARRAY.decode()).encode()),
        raw(a_cloud_event(data_base64=base64.b64encode(LARGE_ARRAY).decode())),
        raw(a_cloud_event(data_base64=base64.b64encode(LARGE_ARRAY).decode())).replace(
            b"/", rb"\/"
        ),
    ],
    ids=["array", "mark", "string", "escaped string", "base64", "escaped base64"],
)
async def test_large_data_are_read_as_small_ones_are(bus: FakeBus, body: bytes) -> None:
    assert len(body) > 300_000
    reader = BodyReader(limit=1_000_000, bytes_in_flight=1_000_000, timeout_seconds=5)

    assert_taken(await post(gateway_cloud_events(bus, reader), body, {"content-type": STRUCTURED}))

    assert bus.events == LARGE
    assert bus.letters == []


@pytest.mark.parametrize(
    "bad",
    [
        structured(LARGE_ARRAY)[:-2],
        structured(LARGE_ARRAY).replace(b'"id"', b'"ID"'),
        structured(LARGE_ARRAY)[:-1] + b',"more":"' + b"x" * 300_000 + b'"}',
        structured(b'"' + b"x" * 300_000 + b"\\"),
        structured(b'"' + b"x" * 300_000 + b'\\q"'),
        structured(b'"\\ud800' + b"x" * 300_000 + b'"'),
        raw(a_cloud_event(data_base64="=" + "x" * 400_000)),
        raw(a_cloud_event(data_base64=7, pad="x" * 300_000)),
    ],
    ids=["cut", "no id", "more", "no end", "escape", "half", "padding", "number"],
)
async def test_what_is_large_and_not_to_the_standard_is_a_dead_letter(
    bus: FakeBus, bad: bytes
) -> None:
    reader = BodyReader(limit=1_000_000, bytes_in_flight=1_000_000, timeout_seconds=5)

    assert_taken(await post(gateway_cloud_events(bus, reader), bad, {"content-type": STRUCTURED}))

    (letter,) = bus.letters
    assert letter.payload == bad
    assert bus.events == []
