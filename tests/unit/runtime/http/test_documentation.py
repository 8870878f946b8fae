"""The functions' own documents, and the page that shows them."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urljoin

import httpx
import jsonschema_rs
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from functions.events import FUNNEL_STAGES, SOURCES
from functions.events.judging import judge
from functions.reporter.demographics_report import DemographicsReport
from functions.reporter.events_report import EventsReport
from functions.reporter.ledger_report import LedgerReport
from functions.reporter.revenue_report import RevenueReport
from functions.senders.table import SENDERS
from runtime.http.documentation.document import Document
from runtime.http.documentation.event_examples import EVENTS
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.page import render
from runtime.http.documentation.reporter import reporter_document
from runtime.http.pages.assets import SCRIPT, STYLE
from runtime.http.responses import CORRELATION_HEADER, PROBLEM
from runtime.settings import GatewaySettings, ReporterSettings
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from runtime.wiring.running import RunningFunction

GATEWAY = gateway_document(url="http://127.0.0.1:3001", body_size_limit=4096)
REPORTER = reporter_document(url="http://127.0.0.1:3004")
GUARDED_GATEWAY = gateway_document(url="http://127.0.0.1:3001", body_size_limit=4096, guarded=True)
OF_SENDERS = gateway_document(
    url="http://127.0.0.1:3001", body_size_limit=4096, senders=[it.name for it in SENDERS]
)
GUARDED_REPORTER = reporter_document(
    url="http://127.0.0.1:3004", guarded=True, operator_guarded=True
)

ALL_SENDERS: dict[str, Any] = {
    "user_key_pepper": SecretStr("p" * 32),
    "meta_app_secrets": "a",
    "meta_verify_token": SecretStr("b"),
    "tiktok_client_secrets": "c",
    "tiktok_shop_app_key": SecretStr("d"),
    "tiktok_shop_app_secrets": "e",
}
"""Settings with which every sender is accepted."""

both = pytest.mark.parametrize(
    "document",
    [GATEWAY, REPORTER, GUARDED_GATEWAY, GUARDED_REPORTER, OF_SENDERS],
    ids=["gateway", "reporter", "guarded gateway", "guarded reporter", "gateway of senders"],
)


async def test_the_gateway_documents_its_routes(nats_url: str) -> None:
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        assert _routes(unit) == _documented(GATEWAY) | {("GET", "/"), ("GET", "/api/")}


async def test_the_gateway_documents_its_senders(nats_url: str) -> None:
    settings = GatewaySettings(nats_url=SecretStr(nats_url), **ALL_SENDERS)
    async with gateway(settings) as unit:
        assert _routes(unit) == _documented(OF_SENDERS) | {("GET", "/"), ("GET", "/api/")}


async def test_the_reporter_documents_its_routes(database_url: str) -> None:
    async with reporter(ReporterSettings(database_url=SecretStr(database_url))) as unit:
        pages = {("GET", path) for path in ("/", "/trail", STYLE.path, SCRIPT.path)}
        assert _routes(unit) == _documented(REPORTER) | {("GET", "/api/")} | pages


async def test_the_body_limit_that_is_set_is_documented(nats_url: str) -> None:
    settings = GatewaySettings(nats_url=SecretStr(nats_url), body_size_limit=12_345)
    async with gateway(settings) as unit:
        document = (await _get(unit, "/api/openapi.json")).json()

    described = document["paths"]["/events"]["post"]["requestBody"]["description"]
    assert "12345 bytes" in described


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [("GET", "/nowhere", 404, None), ("DELETE", "/api", 405, {"GET", "HEAD"})],
)
async def test_an_unknown_path_or_method_is_a_problem(
    method: str, path: str, status: int, allow: set[str] | None, nats_url: str
) -> None:
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        answer = await _get(unit, path, method=method)

    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["correlationId"] == answer.headers[CORRELATION_HEADER]
    assert allow is None or set(re.split(", *", answer.headers["allow"])) == allow


@pytest.mark.parametrize(
    ("path", "place"), [("/", "http://here/gw/api"), ("/api/", "http://here/gw/api")]
)
async def test_what_people_try_first_leads_to_the_page_behind_any_prefix(
    path: str, place: str, nats_url: str
) -> None:
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        answer = await _get(unit, path)

    assert answer.status_code == 302
    assert urljoin(f"http://here/gw{path}", answer.headers["location"]) == place


@both
def test_the_document_s_server_lies_before_any_prefix(document: Document) -> None:
    server = document["servers"][0]["url"]

    assert urljoin("http://here/gw/api/openapi.json", server).rstrip("/") == "http://here/gw"
    assert urljoin("http://here/api/openapi.json", server).rstrip("/") == "http://here"


def test_a_source_is_said_by_its_names_for_people() -> None:
    page = render(reporter_document(url="http://here")).decode()

    assert "<span>facebook or tiktok</span>" in page
    assert "[Ff]" not in page


async def test_the_page_may_load_nothing_and_run_only_its_own_script(nats_url: str) -> None:
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        answer = await _get(unit, "/api")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "connect-src 'self'; require-trusted-types-for 'script'" in policy


@both
def test_every_example_fits_its_schema(document: Document) -> None:
    examples = list(_examples(document))

    assert examples
    for schema, example in examples:
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(example)


@both
def test_every_reference_leads_to_a_component_and_every_component_is_used(
    document: Document,
) -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert used == set(document["components"]["schemas"])


def test_there_is_a_valid_event_of_each_source_and_stage() -> None:
    events = [judge(json.dumps(event).encode()) for event in EVENTS.values()]

    kinds = {(event.source, event.funnel_stage) for event in events}
    assert kinds == {(source, stage) for source in SOURCES for stage in FUNNEL_STAGES}


@pytest.mark.parametrize("model", [EventsReport, RevenueReport, DemographicsReport, LedgerReport])
def test_a_report_to_show_is_one(model: type[EventsReport]) -> None:
    path = f"/reports/{model.__name__.removesuffix('Report').lower()}"
    shown = REPORTER["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]

    model.model_validate_json(json.dumps(shown["example"]), strict=True)


@both
def test_every_answer_carries_the_correlation_id(document: Document) -> None:
    for operation in _operations(document):
        assert all(
            answer["headers"][CORRELATION_HEADER]["required"]
            for answer in operation["responses"].values()
        )


@pytest.mark.parametrize("document", [GUARDED_GATEWAY, GUARDED_REPORTER])
def test_guarded_operations_are_marked_and_the_others_are_open(document: Document) -> None:
    schemes = set(document["components"]["securitySchemes"])
    for operation in _operations(document):
        behind = {name for need in operation.get("security", []) for name in need}
        opening = {"Events": schemes, "Reports": schemes, "Operator": {"operatorKey"}}
        is_guarded = operation["tags"][0] in opening
        assert behind == opening.get(operation["tags"][0], set())
        assert ("401" in operation["responses"]) == is_guarded


@both
def test_the_page_shows_every_operation_and_schema(document: Document) -> None:
    page = render(document).decode()

    for operation in _operations(document):
        assert f'id="{operation["operationId"]}"' in page
        assert f'href="#{operation["operationId"]}"' in page
        assert operation["summary"] in page
    for method, path in _documented(document):
        assert f"{method} {path}</a>" in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page


@both
def test_the_page_needs_no_other_host(document: Document) -> None:
    page = render(document).decode()

    links = re.findall(r'(?:href|src|srcset|action|data)="([^"]*)"', page)
    assert all(re.match("#|api/", link) for link in links)  # behind any prefix
    assert re.findall("<script[^>]*>", page) == ["<script>"]  # its own
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|@import|url\(", page)


@both
def test_every_link_in_the_page_leads_somewhere(document: Document) -> None:
    page = render(document).decode()

    ids = re.findall(r'id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)


def test_the_page_escapes_what_the_document_says() -> None:
    hostile = "<script>alert('x')</script>\"&amp;"
    document = json.loads(json.dumps(GATEWAY).replace("Kovalenko", "X<script>'&"))
    document["info"]["title"] = hostile
    document["info"]["description"] = f"{hostile} `{hostile}`"
    document["components"]["schemas"]["Fault"]["properties"][hostile] = {"const": hostile}
    document["paths"][f'/"{hostile}'] = document["paths"]["/metrics"]

    page = render(document).decode()

    assert page.count("<script") == 1  # its own
    assert "alert('x')" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;amp;" in page


def _routes(unit: RunningFunction) -> set[tuple[str, str]]:
    routes = cast("list[Route]", cast("Starlette", unit.app).routes)
    return {
        (method, each.path_format)
        for each in routes
        for method in (each.methods or set()) - {"HEAD"}
    }


def _documented(document: Document) -> set[tuple[str, str]]:
    return {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }


def _operations(document: Document) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _examples(document: Document) -> Iterator[tuple[dict[str, Any], Any]]:
    for operation in _operations(document):
        bodies = list(operation.get("requestBody", {}).get("content", {}).values())
        for answer in operation["responses"].values():
            bodies += answer["content"].values()
        for described in [*operation["parameters"], *bodies]:
            if "example" in described:
                yield described["schema"], described["example"]
            for example in described.get("examples", {}).values():
                yield described["schema"], example["value"]


async def _get(unit: RunningFunction, path: str, *, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(unit.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path)
