import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from functions.errors import Invalid, Unavailable
from runtime.http.body import BodyReader
from runtime.http.gateway import gateway_endpoint
from runtime.http.request import Request
from runtime.http.responses import Response, correlation_id_of
from runtime.http.server.app import create_app
from runtime.http.server.asgi import WHOLE_BODY
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from tests.builders import a_facebook_event, a_tiktok_event, raw
from tests.doubles.fakes import FakeBus

LIMIT = 100_000
EVENT_LIMIT = 70_000
JSON = {"content-type": "application/json"}
GOOD = raw(a_facebook_event())
BAD = raw(a_facebook_event(eventId="fb-bad", timestamp="soon"))


class Gateway:
    """The gateway's HTTP side over fakes.

    Attributes:
        alive: The answer of liveness.
    """

    def __init__(self) -> None:
        self.alive = True
        self.bus = FakeBus()
        self.health = Health({"nats": self._check}, lambda: self.alive)
        self.registry = CollectorRegistry()
        bodies = BodyReader(
            limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5, event_size_limit=EVENT_LIMIT
        )
        app = create_app(
            {
                "/events": ("POST", gateway_endpoint(self.bus, bodies)),
                "/crash": ("GET", self._crash),
            },
            health=self.health,
            registry=self.registry,
            metrics=HttpMetrics(self.registry, "gateway"),
        )
        self.app = app
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway"
        )

    async def post(self, body: bytes, *, path: str = "/events", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=body, headers=JSON | named)

    async def _check(self) -> None:
        if self.bus.failure:
            raise self.bus.failure

    async def _crash(self, _request: Request) -> Response:
        raise ZeroDivisionError


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    async with gateway.client:
        yield gateway


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["correlationId"] == answer.headers["x-correlation-id"]
    assert {"type", "title", "detail"} <= set(problem)
    return problem


async def test_accepted_events_get_a_receipt(gateway: Gateway) -> None:
    events = [raw(a_facebook_event()), raw(a_tiktok_event())]

    answer = await gateway.post(b"[" + b", ".join(events) + b"]", x_correlation_id="mine")

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"accepted": 2, "rejected": 0, "correlationId": "mine", "errors": []}
    assert gateway.bus.events == events


async def test_invalid_events_among_valid_ones_are_explained(gateway: Gateway) -> None:
    answer = await gateway.post(b"[" + raw(a_facebook_event()) + b"," + BAD + b"]")

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1)
    assert answer.json()["errors"] == [
        {
            "index": 1,
            "eventId": "fb-bad",
            "field": "timestamp",
            "code": "datetime",
            "message": "Input should be an RFC 3339 date-time with offset",
        }
    ]


async def test_a_dry_run_says_so_and_stores_nothing(gateway: Gateway) -> None:
    good, path = raw(a_facebook_event()), "/events?dryRun=true"

    some = await gateway.post(b"[" + good + b"," + BAD + b"]", path=path)
    none = await gateway.post(BAD, path=path)
    off = await gateway.post(good, path="/events?dryRun=false&token=1")

    assert (some.status_code, some.json()["accepted"], some.json()["rejected"]) == (200, 1, 1)
    assert (some.json()["dryRun"], none.json()["dryRun"]) == (True, True)
    assert none.status_code == 422
    assert (off.status_code, gateway.bus.events) == (202, [good])
    assert "dryRun" not in off.json()
    assert gateway.bus.letters == []


@pytest.mark.parametrize(
    "query",
    ["dryRun=yes", "dryRun=", "dryRun=true&dryRun=true", "dryrun=true", "dry_run=true", "DRYRUN=1"],
)
async def test_a_dry_run_that_is_misspelled_does_not_store(gateway: Gateway, query: str) -> None:
    answer = await gateway.post(raw(a_facebook_event()), path=f"/events?{query}")

    assert answer.status_code == 400
    assert gateway.bus.events == []


async def test_a_receipt_says_when_it_explains_not_all(gateway: Gateway) -> None:
    some = await gateway.post(b"[" + b",".join([raw(a_facebook_event()), *[b"1"] * 100]) + b"]")
    many = await gateway.post(b"[" + b",".join([raw(a_facebook_event()), *[b"1"] * 101]) + b"]")

    assert "errorsTruncated" not in some.json()
    assert many.json()["errorsTruncated"] is True
    assert (many.json()["rejected"], len(many.json()["errors"])) == (101, 100)


async def test_an_empty_array_is_accepted(gateway: Gateway) -> None:
    answer = await gateway.post(b"[]")

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (0, 0)


@pytest.mark.parametrize("body", [BAD, b"[" + BAD + b"]", b"{}", b"[1]", b"[" * 5000 + b"]" * 5000])
async def test_no_valid_event_is_a_problem_with_the_receipt(gateway: Gateway, body: bytes) -> None:
    problem = assert_problem(await gateway.post(body), 422)

    assert (problem["accepted"], problem["rejected"], len(problem["errors"])) == (0, 1, 1)
    assert len(gateway.bus.letters) == 1


async def test_a_body_of_many_tiny_values_is_judged(gateway: Gateway) -> None:
    problem = assert_problem(await gateway.post(b"[" + b",".join([b"1"] * 40_000) + b"]"), 422)

    kept = sum(letter.elements for letter in gateway.bus.letters)
    assert problem["rejected"] == kept == 40_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[1",
        b"1",
        b'"x"',
        b'{"a":NaN}',
        "[]".encode("utf-16"),
        b'[{"a":"\\ud800"}',
        b"\xef\xbb\xbf",
    ],
)
async def test_a_body_that_can_not_be_cut_is_a_problem(gateway: Gateway, body: bytes) -> None:
    problem = assert_problem(await gateway.post(body), 400)

    assert problem["errors"][0]["code"] in {"json_invalid", "body_type"}
    assert (gateway.bus.events, gateway.bus.letters) == ([], [])


@pytest.mark.parametrize(
    "odd", [b"NaN", b"", b"x", b"01", b'{"a":"\t"}', b'"\\\'"', b'{"name":"\xe4"}', b"{'a':1}"]
)
async def test_an_element_that_is_not_json_is_rejected_alone(gateway: Gateway, odd: bytes) -> None:
    alone = assert_problem(await gateway.post(b"[%b,1]" % odd), 422)
    answer = await gateway.post(b"[%b,%b]" % (odd, GOOD))

    assert alone["errors"][0]["code"] == "json_invalid"
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 1, 1)
    assert [letter.payload for letter in gateway.bus.letters] == [odd, b"1", odd]
    assert gateway.bus.events == [GOOD]


async def test_a_byte_order_mark_costs_no_event(gateway: Gateway) -> None:
    marked = b"\xef\xbb\xbf" + GOOD
    lines = {"content-type": "application/x-ndjson"}
    packed = {"content-encoding": "gzip"}

    for body, headers in (
        (marked, {}),
        (b"\xef\xbb\xbf[" + GOOD + b"]", {}),
        (gzip.compress(marked), packed),
        (marked, lines),
        (gzip.compress(marked + b"\n"), lines | packed),
    ):
        answer = await gateway.post(body, **headers)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert gateway.bus.events == [GOOD] * 5


async def test_an_event_that_is_too_large_is_rejected_alone(gateway: Gateway) -> None:
    large = raw(a_facebook_event(eventId="fb-large", pad="x" * EVENT_LIMIT))

    answer = await gateway.post(b"[" + b",".join([GOOD, large, GOOD]) + b"]")

    (error,) = answer.json()["errors"]
    (letter,) = gateway.bus.letters
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert (error["code"], error["eventId"], error["index"]) == ("event_too_large", "fb-large", 1)
    assert str(EVENT_LIMIT) in error["message"]
    assert letter.payload == large[: 64 * 1024]
    assert letter.source == "facebook"


async def test_lines_are_also_events(gateway: Gateway) -> None:
    body = b"\n".join([raw(a_facebook_event()), b"", b"{", raw(a_tiktok_event())])

    answer = await gateway.post(body, content_type="application/x-ndjson; charset=utf-8")

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert [error["index"] for error in answer.json()["errors"]] == [1]


async def test_gzip_is_unpacked_against_the_limit(gateway: Gateway) -> None:
    fine = await gateway.post(gzip.compress(raw([a_facebook_event()])), content_encoding="gzip")
    bomb = await gateway.post(gzip.compress(bytes(LIMIT + 1)), content_encoding="gzip")

    assert fine.status_code == 202
    assert_problem(bomb, 413)


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
async def test_the_limit_is_exact_and_named(gateway: Gateway, size: int) -> None:
    event = raw(a_facebook_event())

    answer = await gateway.post(event + b" " * (size - len(event)))

    if size == LIMIT:
        assert answer.status_code == 202
    else:
        assert str(LIMIT) in assert_problem(answer, 413)["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; foo=bar",
    ],
)
async def test_json_may_be_declared_in_many_ways(gateway: Gateway, content_type: str) -> None:
    assert (await gateway.post(b"[]", content_type=content_type)).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "application/json/x", "application/jsonx",
     "application/json; charset=latin-1", "application/json, text/plain", "json", "\xe9/\xe9"],
)  # fmt: skip
async def test_another_content_type_is_a_problem(gateway: Gateway, content_type: str) -> None:
    answer = await gateway.client.post(
        "/events", content=b"[]", headers=[(b"content-type", content_type.encode("latin-1"))]
    )

    assert_problem(answer, 415)


async def test_without_a_content_type_it_is_a_problem(gateway: Gateway) -> None:
    assert_problem(await gateway.client.post("/events", content=b"[]"), 415)


async def test_an_unreachable_broker_is_a_problem_with_a_time_to_wait(gateway: Gateway) -> None:
    gateway.bus.failure = Unavailable("nats://secret is away", retry_after_seconds=4.2)

    answer = await gateway.post(raw([a_facebook_event()]))

    assert "secret" not in str(assert_problem(answer, 503))
    assert 5 <= int(answer.headers["retry-after"]) <= 10


async def test_a_crash_is_a_problem_without_details(gateway: Gateway) -> None:
    problem = assert_problem(await gateway.client.get("/crash"), 500)

    assert "ZeroDivision" not in str(problem)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/events/", 404),
        ("GET", "/", 404),
        ("GET", "/events", 405),
        ("DELETE", "/events", 405),
        ("POST", "/metrics", 405),
        ("GET", "/crash", 500),
    ],
)
async def test_every_refusal_is_a_problem(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    answer = await gateway.client.request(method, path, headers={"x-correlation-id": "mine"})

    assert assert_problem(answer, status)["correlationId"] == "mine"
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/nowhere"])
async def test_every_answer_has_one_correlation_id(gateway: Gateway, path: str) -> None:
    mine = await gateway.client.get(path, headers={"x-correlation-id": "mine"})
    made = await gateway.client.get(path)

    assert mine.headers.get_list("x-correlation-id") == ["mine"]
    assert UUID(made.headers["x-correlation-id"])


@pytest.mark.parametrize("mine", ["x", "x" * 128, "aZ09_.:-", "550e8400-e29b-41d4-a716"])
def test_a_correlation_id_is_taken_over(mine: str) -> None:
    assert correlation_id_of(mine) == mine


@pytest.mark.parametrize("bad", [None, "", "x" * 129, "a b", "a\n", "\xe9", "a/b", "{}"])
def test_a_bad_correlation_id_is_replaced(bad: str | None) -> None:
    assert UUID(correlation_id_of(bad))
    assert correlation_id_of(bad) != correlation_id_of(bad)


async def test_the_correlation_id_travels_with_the_events(gateway: Gateway) -> None:
    await gateway.post(b"[" + raw(a_facebook_event()) + b"," + BAD + b"]", x_correlation_id="mine")

    assert gateway.bus.parts["facebook"][0].correlation_id == "mine"
    assert gateway.bus.letters[0].correlation_id == "mine"


async def test_the_trace_travels_with_the_events(gateway: Gateway) -> None:
    body = b"[" + raw(a_facebook_event()) + b"," + BAD + b"]"
    mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for headers in ({"traceparent": mine}, {"traceparent": "bad"}, {}):
        await gateway.post(body, **headers)

    assert [part.trace_parent for part in gateway.bus.parts["facebook"]] == [mine, None, None]
    assert [letter.trace_parent for letter in gateway.bus.letters] == [mine, None, None]


async def test_of_two_traces_none_is_the_request_s(gateway: Gateway) -> None:
    trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    headers = [("content-type", "application/json"), trace, trace]

    await gateway.client.post("/events", content=raw(a_facebook_event()), headers=headers)

    assert gateway.bus.parts["facebook"][0].trace_parent is None


async def test_readiness_says_what_answers(gateway: Gateway) -> None:
    ready = await gateway.client.get("/health/ready")
    gateway.bus.failure = Unavailable("away")
    not_ready = await gateway.client.get("/health/ready")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": {"nats": "ok"}})
    assert not_ready.status_code == 503
    assert not_ready.json()["checks"] == {"nats": "unavailable"}
    assert not_ready.json()["status"] != "ready"


async def test_a_function_that_stops_is_alive_and_not_ready(gateway: Gateway) -> None:
    gateway.health.stopping = True

    assert (await gateway.client.get("/health/ready")).status_code == 503
    assert (await gateway.client.get("/health/live")).status_code == 200


async def test_a_function_that_can_not_work_any_more_is_not_alive(gateway: Gateway) -> None:
    gateway.alive = False

    assert (await gateway.client.get("/health/live")).status_code == 503


async def test_metrics_are_text_and_have_no_ids(gateway: Gateway) -> None:
    await gateway.post(b"[]", x_correlation_id="secret-id")
    await gateway.client.get("/secret-path")

    answer = await gateway.client.get("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    samples = families["http_request_duration_seconds"].samples
    assert re.fullmatch(
        r"text/plain; version=[\d.]+; charset=utf-8", answer.headers["content-type"]
    )
    assert {sample.labels["route"] for sample in samples} == {"/events", "unknown"}
    assert "secret" not in answer.text


async def test_a_sender_that_disconnects_harms_nothing(gateway: Gateway) -> None:
    messages = [{"type": "http.request", "body": b"[", "more_body": True}]
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/events",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    await gateway.app(scope, receive, send)

    assert gateway.bus.events == []
    assert sent[0]["status"] == 400
    assert (await gateway.post(b"[]")).status_code == 202


async def test_a_body_that_came_whole_needs_no_receiving(gateway: Gateway) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("it was asked for what it has")

    async def send(message: Any) -> None:
        sent.append(message)

    event = raw(a_facebook_event())
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/events",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
        WHOLE_BODY: event,
    }
    await gateway.app(scope, receive, send)

    assert gateway.bus.events == [event]
    assert sent[0]["status"] == 202
    assert json.loads(sent[1]["body"])["accepted"] == 1


async def test_requests_at_once_do_not_mix(gateway: Gateway) -> None:
    answers = await asyncio.gather(
        *(
            gateway.post(raw([a_facebook_event()] * number), x_correlation_id=str(number))
            for number in range(20)
        )
    )

    found = {answer.json()["correlationId"]: answer.json()["accepted"] for answer in answers}
    assert found == {str(number): number for number in range(20)}
    assert json.loads(answers[0].text)["accepted"] == 0


@pytest.mark.parametrize("target", ["/events?x=%FF", "/events?%C3%28=1", "/ev%FFents", "/%C0%AF"])
async def test_percent_encoded_bytes_that_are_no_text_are_refused(
    gateway: Gateway, target: str
) -> None:
    answer = await gateway.client.get(httpx.URL("http://gateway", raw_path=target.encode()))

    if target.startswith("/events?"):  # an endpoint that takes no parameters does not read them
        assert answer.status_code == 405
    else:
        problem = assert_problem(answer, 400)
        assert problem["errors"][0]["code"] == "encoding"


async def test_a_query_that_is_no_text_is_no_question() -> None:
    request = Request({}, "campaignId=%FF", "id", aiter)  # type: ignore[arg-type]

    with pytest.raises(Invalid, match="UTF-8"):
        _ = request.params
