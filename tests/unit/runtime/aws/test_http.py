"""Requests of API Gateway and function URLs, and the answers to them."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from functions.errors import Unavailable
from runtime.api_keys import ApiKeys
from runtime.aws import http
from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.routing import Router
from runtime.http.body import BodyReader
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.http.gateway import gateway_endpoint
from runtime.http.keys import all_guarded
from runtime.http.probes import probe_endpoints
from runtime.http.request import Endpoints, Request
from runtime.http.responses import Response
from runtime.telemetry.health import Health
from tests.aws.invoking import AContext, a_request, closed, holding, invoke, nothing
from tests.builders import a_facebook_event, raw
from tests.doubles.fakes import FakeBus

LIMIT = 4096


class Seen:
    """Endpoints that record their requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.answer = Response(200, b'{"x": 1}', headers={"X-More": "yes"})

    async def look(self, request: Request) -> Response:
        self.requests.append(request)
        self.bodies.append(b"".join([chunk async for chunk in request.chunks()]))
        return self.answer

    async def wait(self, _request: Request) -> Response:
        raise Unavailable("away", retry_after_seconds=3)

    async def hang(self, _request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def crash(self, _request: Request) -> Response:
        raise ZeroDivisionError

    @property
    def endpoints(self) -> Endpoints:
        return {
            "/look": ("GET", self.look),
            "/put": ("POST", self.look),
            "/things/{id:uuid}": ("GET", self.look),
            "/events/{source}/{eventId:text}": ("GET", self.look),
            "/wait": ("GET", self.wait),
            "/hang": ("GET", self.hang),
            "/crash": ("GET", self.crash),
        }


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def function(seen: Seen) -> AsyncIterator[HttpFunction]:
    unit = HttpUnit(Router(seen.endpoints), nothing)
    made = HttpFunction("gateway", holding(unit), CollectorRegistry())
    async with closed(made):
        yield made


async def test_a_request_comes_as_it_was_sent(function: HttpFunction, seen: Seen) -> None:
    event = a_request(
        "POST", "/put?a=1&a=%20&b=", b"\x00\xff", content_type="application/octet-stream"
    )
    event["headers"]["X-Two"] = "1,2"
    event["headers"]["content-length"] = "99"
    event["cookies"] = ["a=1", "b=2"]

    answer = await invoke(function, event)

    request = seen.requests[0]
    assert seen.bodies == [b"\x00\xff"]
    assert request.params == [("a", "1"), ("a", " "), ("b", "")]
    assert request.headers.get("x-two", "") == "1,2"
    assert request.headers.get("cookie", "") == "a=1; b=2"
    assert request.headers.get("content-length", "") == "2"
    assert answer["statusCode"] == 200
    assert answer["body"] == '{"x": 1}'
    assert answer["headers"]["x-more"] == "yes"
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        ("Bearer right", "/health/ready", 200),
        ("Bearer wrong", "/health/ready", 401),
        ("", "/health/ready", 401),
        ("", "/health/live", 200),
    ],
)
async def test_readiness_asks_the_database_for_holders_of_a_key_only(
    key: str, path: str, status: int
) -> None:
    asked: list[str] = []

    async def check() -> None:
        asked.append("postgres")

    endpoints = probe_endpoints(Health({"postgres": check}), ApiKeys(["right"]))
    made = HttpFunction(
        "reporter", holding(HttpUnit(Router(endpoints), nothing)), CollectorRegistry()
    )

    async with closed(made):
        answer = await invoke(made, a_request("GET", path, authorization=key))

    assert answer["statusCode"] == status
    assert bool(asked) == (path == "/health/ready" and status == 200)


def test_on_lambda_the_documents_say_that_readiness_needs_a_key() -> None:
    documents = [
        gateway_document(url="http://x", body_size_limit=1, guarded=True, ready_guarded=True),
        reporter_document(url="http://x", guarded=True, ready_guarded=True),
    ]

    for document in documents:
        ready, live = (document["paths"][f"/health/{name}"]["get"] for name in ("ready", "live"))
        assert "401" in ready["responses"]
        assert ready["security"]
        assert "401" not in live["responses"]


async def test_a_text_body_is_utf_8(function: HttpFunction, seen: Seen) -> None:
    event = a_request("POST", "/put") | {"body": "Ї", "isBase64Encoded": False}

    await invoke(function, event)

    assert seen.bodies == ["Ї".encode()]


async def test_gzip_that_came_as_text_is_refused_in_words(
    function: HttpFunction, seen: Seen
) -> None:
    packed = gzip.compress(b'{"a": 1}')
    event = a_request("POST", "/put", packed, content_encoding="gzip")

    refused = await invoke(function, event)
    lines = a_request(
        "POST", "/put", packed, content_encoding="gzip", content_type="application/x-ndjson"
    )
    taken = await invoke(function, lines)

    assert not event["isBase64Encoded"]
    assert refused["statusCode"] == 415
    assert "send gzip as application/x-ndjson" in refused["body"]
    assert (taken["statusCode"], seen.bodies) == (200, [packed])
    assert seen.requests[0].headers.get("content-encoding", "") == "gzip"


async def test_a_body_that_the_platform_decompressed_is_used_unchanged(
    function: HttpFunction, seen: Seen
) -> None:
    await invoke(function, a_request("POST", "/put", b'{"a": 1}', content_encoding="gzip"))

    assert seen.bodies == [b'{"a": 1}']
    assert seen.requests[0].headers.get("content-encoding", "") == ""


async def test_an_answer_without_a_body_does_not_describe_one(
    function: HttpFunction, seen: Seen
) -> None:
    seen.answer = Response(204, b"")

    answer = await invoke(function, a_request("GET", "/look"))

    assert answer["statusCode"] == 204
    assert not {"content-type", "content-length"} & answer["headers"].keys()


async def test_a_request_may_have_no_body_no_headers_and_no_query(
    function: HttpFunction, seen: Seen
) -> None:
    event = a_request("GET", "/look")
    for name in ("body", "headers", "rawQueryString", "isBase64Encoded"):
        del event[name]

    await invoke(function, event)

    assert seen.bodies == [b""]
    assert seen.requests[0].params == []


@pytest.mark.parametrize(
    ("domain", "stage", "raw_path"),
    [
        ("abc.execute-api.eu-central-1.amazonaws.com", "$default", "/events/facebook/a/b%41"),
        ("abc.execute-api.eu-central-1.amazonaws.com", "v1", "/v1/events/facebook/a/b%41"),
        ("abc.lambda-url.eu-central-1.on.aws", "$default", "/events/facebook/a%2Fb%2541"),
    ],
)
async def test_a_path_is_decoded_once_whoever_passes_it_on(
    function: HttpFunction, seen: Seen, domain: str, stage: str, raw_path: str
) -> None:
    event = a_request("GET", raw_path)
    event["requestContext"] |= {"domainName": domain, "stage": stage}

    await invoke(function, event)

    assert seen.requests[0].path_params == {"source": "facebook", "eventId": "a/b%41"}


@pytest.mark.parametrize("raw_path", ["/events/facebook/%FF", "/%C3%28"])
async def test_a_path_that_is_no_text_is_a_problem(function: HttpFunction, raw_path: str) -> None:
    event = a_request("GET", raw_path)
    event["requestContext"] |= {"domainName": "abc.lambda-url.eu-central-1.on.aws"}

    answer = await invoke(function, event)

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["errors"][0]["code"] == "encoding"


async def test_a_parameter_that_is_a_uuid_is_one(function: HttpFunction, seen: Seen) -> None:
    identity = UUID("0f8e1c52-6a63-8d0b-9a6e-2f1c7b0d4e11")

    await invoke(function, a_request("GET", f"/things/{identity}"))
    refused = await invoke(function, a_request("GET", "/things/1"))

    assert seen.requests[0].path_params == {"id": identity}
    assert refused["statusCode"] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/look", 405),
        ("GET", "/wait", 503),
        ("GET", "/crash", 500),
    ],
)
async def test_every_refusal_is_a_problem(
    function: HttpFunction, method: str, path: str, status: int
) -> None:
    answer = await invoke(function, a_request(method, path, x_correlation_id="mine"))

    problem = json.loads(answer["body"])
    assert answer["statusCode"] == problem["status"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["x-correlation-id"] == problem["correlationId"] == "mine"
    assert answer["headers"].get("allow") == ("GET, HEAD" if status == 405 else None)
    assert ("retry-after" in answer["headers"]) is (status == 503)


async def test_head_is_answered_without_a_body(function: HttpFunction) -> None:
    answer = await invoke(function, a_request("HEAD", "/look"))

    assert (answer["statusCode"], answer["body"]) == (200, "")


async def test_a_bad_correlation_id_is_replaced(function: HttpFunction, seen: Seen) -> None:
    answer = await invoke(function, a_request("GET", "/look", x_correlation_id="a b"))

    made = answer["headers"]["x-correlation-id"]
    assert UUID(made)
    assert seen.requests[0].correlation_id == made


async def test_a_trace_is_taken_over(function: HttpFunction, seen: Seen) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    await invoke(function, a_request("GET", "/look", traceparent=trace))
    await invoke(function, a_request("GET", "/look", traceparent=f"{trace},{trace}"))

    assert [request.trace_parent for request in seen.requests] == [trace, None]


@pytest.mark.parametrize("event", [{}, {"version": "1.0", "httpMethod": "GET", "path": "/look"}])
async def test_another_payload_is_a_problem(function: HttpFunction, event: dict[str, Any]) -> None:
    answer = await invoke(function, event)

    assert answer["statusCode"] == 400
    assert "payload format 2.0" in answer["body"]


async def test_a_body_that_is_not_the_base64_it_should_be_is_a_problem(
    function: HttpFunction,
) -> None:
    answer = await invoke(
        function, a_request("POST", "/put") | {"body": "%", "isBase64Encoded": True}
    )

    assert answer["statusCode"] == 400


async def test_an_answer_that_lambda_would_drop_is_a_problem(
    function: HttpFunction, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MAX_RESPONSE_BYTES", 100)
    seen.answer = Response(200, b'"' * 49)  # each of them is two characters in JSON
    fits = await invoke(function, a_request("GET", "/look"))
    seen.answer = Response(200, b'"' * 51)

    refused = await invoke(function, a_request("GET", "/look"))

    assert (fits["statusCode"], refused["statusCode"]) == (200, 400)


async def test_a_request_out_of_time_may_be_sent_again(function: HttpFunction) -> None:
    answer = await invoke(function, a_request("GET", "/hang"), AContext(milliseconds=1_100))

    assert answer["statusCode"] == 503
    assert "retry-after" in answer["headers"]


async def test_a_request_is_logged_and_counted_once_without_its_parameters(
    function: HttpFunction, capfd: pytest.CaptureFixture[str]
) -> None:
    await invoke(function, a_request("GET", "/events/facebook/fb-secret"))

    written = capfd.readouterr().out
    assert "fb-secret" not in written
    lines = [json.loads(line) for line in written.splitlines() if '"_aws"' in line]
    assert [line["route"] for line in lines] == ["/events/{source}/{eventId}"]


async def test_the_platforms_client_address_is_logged(function: HttpFunction) -> None:
    event = a_request("GET", "/look")
    event["requestContext"]["http"] |= {"sourceIp": "203.0.113.1"}
    event["headers"] |= {"user-agent": "acme/2.1", "x-forwarded-for": "192.0.2.1"}

    with capture_logs() as logged:
        await invoke(function, event)

    [line] = [line for line in logged if line["event"] == "request"]
    assert (line["client"], line["user_agent"]) == ("203.0.113.1", "acme/2.1")


async def test_a_key_is_needed_before_anything_is_read() -> None:
    bus = FakeBus()
    reader = BodyReader(limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5)
    own: Endpoints = {"/events": ("POST", gateway_endpoint(bus, reader))}
    unit = HttpUnit(Router(all_guarded(ApiKeys(["right"]), own)), nothing)
    function = HttpFunction("gateway", holding(unit), CollectorRegistry())
    body = raw(a_facebook_event())
    async with closed(function):
        wrong = await invoke(function, a_request("POST", "/events", body))
        right = await invoke(
            function, a_request("POST", "/events", body, authorization="Bearer right")
        )

    assert (wrong["statusCode"], right["statusCode"]) == (401, 202)
    assert "www-authenticate" in wrong["headers"]
    assert len(bus.events) == 1


async def test_the_limit_counts_what_was_encoded() -> None:
    reader = BodyReader(limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5)
    unit = HttpUnit(Router({"/events": ("POST", gateway_endpoint(FakeBus(), reader))}), nothing)
    function = HttpFunction("gateway", holding(unit), CollectorRegistry())
    event = raw(a_facebook_event())
    async with closed(function):
        exact = await invoke(function, a_request("POST", "/events", event.ljust(LIMIT)))
        over = await invoke(function, a_request("POST", "/events", event.ljust(LIMIT + 1)))

    assert len(base64.b64encode(event.ljust(LIMIT))) > LIMIT
    assert (exact["statusCode"], over["statusCode"]) == (202, 413)
