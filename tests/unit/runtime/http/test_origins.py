"""Pages of other sites change nothing; names of other machines get no answer."""

import json
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from runtime.api_keys import ApiKeys
from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.routing import Router
from runtime.http.hosts import CheckHost, check_host
from runtime.http.keys import all_guarded
from runtime.http.origins import all_same_origin
from runtime.http.request import Request
from runtime.http.responses import Response
from runtime.http.server.app import App, create_app
from runtime.settings import GatewaySettings, ReporterSettings
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from tests.aws.invoking import a_request, closed, holding, invoke, nothing

HOST = "127.0.0.1:3004"


async def count(request: Request) -> Response:
    body = b"".join([chunk async for chunk in request.chunks()])
    return Response(200, json.dumps(len(body)).encode())


ENDPOINTS = {"/change": ("POST", count), "/look": ("GET", count)}


def an_app(check: CheckHost | None = None, keys: ApiKeys | None = None) -> App:
    registry = CollectorRegistry()
    return create_app(
        all_guarded(keys or ApiKeys(), ENDPOINTS),
        health=Health(),
        registry=registry,
        metrics=HttpMetrics(registry, "reporter"),
        check_host=check,
    )


def a_client(app: App, host: str = HOST) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}")


OWN = [
    {},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "https://another.example"},
    {"origin": f"http://{HOST}"},
    {"origin": f"https://{HOST}"},
    {"origin": "http://LOCALHOST", "host": "localhost:80"},
    {"origin": "https://reports.example", "host": "reports.example"},
    {"origin": "https://reports.example:443", "host": "Reports.Example"},
    {"origin": "http://[::1]:3004", "host": "[::1]:3004"},
]
FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "None"},
    {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://another.example"},
    {"origin": "http://127.0.0.1:3001"},
    {"origin": "http://127.0.0.1"},
    {"origin": f"http://{HOST}.another.example"},
    {"origin": f"http://x@{HOST}"},
    {"origin": f"http://{HOST}/"},
    {"origin": "file://"},
    {"origin": "chrome-extension://abc"},
    {"origin": "https://reports.example", "host": "reports.example:80"},
    {"origin": f"http://{HOST}, http://another.example"},
]


@pytest.mark.parametrize("headers", OWN)
async def test_what_is_no_page_or_ours_may_change_something(headers: dict[str, str]) -> None:
    async with a_client(an_app()) as client:
        answer = await client.post("/change", content=b"abc", headers=headers)

    assert answer.json() == 3


@pytest.mark.parametrize("keys", [ApiKeys(), ApiKeys(["right"])])
@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_of_another_site_changes_nothing(
    headers: dict[str, str], keys: ApiKeys
) -> None:
    key = {"authorization": "Bearer right"}
    app = an_app(keys=keys)
    reads: list[str] = []

    async def receive() -> dict[str, Any]:
        reads.append("body")
        return {"type": "http.request", "body": b"abc"}

    sent = await asked(app, {"host": HOST, **key, **headers}, receive)

    assert sent[0]["status"] == 403
    assert json.loads(sent[1]["body"])["detail"] == "Pages of another site may not do this"
    assert reads == []


async def asked(app: App, headers: dict[str, str], receive: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/change",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return sent


async def test_a_page_of_another_site_may_lead_here() -> None:
    async with a_client(an_app()) as client:
        answer = await client.get("/look", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 200


@pytest.mark.parametrize(("headers", "status"), [(OWN[4], 200), (FOREIGN[0], 403)])
async def test_on_lambda_it_is_the_same(headers: dict[str, str], status: int) -> None:
    unit = HttpUnit(Router(all_same_origin(ENDPOINTS)), nothing)
    event = a_request("POST", "/change", b"abc")
    event["headers"] |= {"host": HOST, **headers}

    function = HttpFunction("reporter", holding(unit), CollectorRegistry())
    async with closed(function):
        answer = await invoke(function, event)

    assert answer["statusCode"] == status


HERE = [
    "localhost",
    "localhost:3004",
    "LocalHost.:3004",
    "eps.localhost",
    "127.0.0.1",
    "127.9.9.9:1",
    "[::1]:3004",
    "10.1.2.3:3001",
    "reporter:3004",
    "Reports.example",
]
ELSEWHERE = [
    "another.example",
    "another.example:3004",
    "localhost.another.example",
    "127.0.0.1.another.example",
    "notlocalhost",
    "reporter.another",
    "a b",
    "[::1",
    "127.0.0.1:3004:1",
]


@pytest.mark.parametrize("host", HERE)
async def test_this_machine_is_answered(host: str) -> None:
    check = check_host(["reporter", "reports.example."])
    async with a_client(an_app(check)) as client:
        answer = await client.get("/look", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/look", "/metrics", "/health/ready", "/nowhere"])
@pytest.mark.parametrize("host", ELSEWHERE)
async def test_another_machine_s_name_is_not_answered_to(host: str, path: str) -> None:
    check = check_host(["reporter"])
    async with a_client(an_app(check)) as client:
        answer = await client.get(path, headers={"host": host})

    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


REBOUND = {"host": "rebound.example"}


async def test_an_open_gateway_asks_for_its_name(nats_url: str) -> None:
    url = SecretStr(nats_url)
    opened = GatewaySettings(nats_url=url, allowed_hosts="events.example, other.example")
    closed = GatewaySettings(nats_url=url, ingest_api_keys=ApiKeys(["right"]))
    async with gateway(opened) as unit, a_client(unit.app) as client:
        assert (await client.get("/api", headers=REBOUND)).status_code == 421
        assert (await client.get("/api", headers={"host": "other.example"})).status_code == 200
        document = (await client.get("/api/openapi.json")).json()
        assert {"403", "421"} <= document["paths"]["/events"]["post"]["responses"].keys()
    async with gateway(closed) as unit, a_client(unit.app) as client:
        assert (await client.get("/api", headers=REBOUND)).status_code == 200
        document = (await client.get("/api/openapi.json", headers=REBOUND)).json()
        assert "421" not in document["paths"]["/events"]["post"]["responses"]


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({}, 421),
        ({"reporter_api_keys": ApiKeys(["a"])}, 421),
        ({"operator_api_keys": ApiKeys(["a"])}, 421),
        ({"reporter_api_keys": ApiKeys(["a"]), "operator_api_keys": ApiKeys(["b"])}, 401),
    ],
)
async def test_a_reporter_that_is_open_anywhere_asks_for_its_name(
    keys: dict[str, ApiKeys], status: int, database_url: str
) -> None:
    settings = ReporterSettings(database_url=SecretStr(database_url), **keys)  # type: ignore[arg-type]
    async with reporter(settings) as unit, a_client(unit.app) as client:
        answer = await client.get("/reports/events", headers=REBOUND)

    assert answer.status_code == status
