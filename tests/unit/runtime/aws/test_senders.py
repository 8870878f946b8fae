"""Real senders behind HTTP APIs: signatures hold for bodies that come as text or as base64."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.routing import Router
from runtime.http.body import BodyReader
from runtime.http.ingesting import ingest_endpoints
from runtime.settings import IngestSettings
from tests.aws.invoking import a_request, closed, holding, invoke, nothing
from tests.doubles.fakes import FakeBus
from tests.unit.functions.senders.calling import sample

_LIMIT = 100_000


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
async def function(bus: FakeBus) -> AsyncIterator[HttpFunction]:
    settings = IngestSettings(
        user_key_pepper=SecretStr("a pepper of at least 32 characters"),
        meta_app_secrets=(SecretStr("meta-app-secret-sample"),),
        meta_verify_token=SecretStr("sample-verify-token"),
        tiktok_client_secrets=(SecretStr("tiktok-client-secret-sample"),),
        tiktok_signature_tolerance_seconds=10**9,
        tiktok_shop_app_key=SecretStr("6jsampleappkey"),
        tiktok_shop_app_secrets=(SecretStr("tiktok-shop-app-secret-sample"),),
    )
    bodies = BodyReader(limit=_LIMIT, bytes_in_flight=_LIMIT, timeout_seconds=5)
    endpoints = ingest_endpoints(bus, bodies, settings, CollectorRegistry())
    made = HttpFunction(
        "gateway", holding(HttpUnit(Router(endpoints), nothing)), CollectorRegistry()
    )
    async with closed(made):
        yield made


def asked(number: int, content_type: str) -> dict[str, Any]:
    found = sample(number)["request"]
    body = sample(number).get("raw_body") or urlencode(found.get("form", {}))
    query = urlencode(found.get("query", {}))
    path = f"{found['path']}?{query}" if query else found["path"]
    headers = {name.lower(): value for name, value in found.get("headers", {}).items()}
    event = a_request(found["method"], path, body.encode(), content_type=content_type)
    event["headers"] |= headers | {"content-type": content_type}
    return event


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize(("number", "events"), [(1, 3), (2, 2), (3, 1), (5, 1), (6, 1), (7, 1)])
async def test_delivery_is_taken_as_text_and_as_base64(
    number: int, events: int, content_type: str, function: HttpFunction, bus: FakeBus
) -> None:
    answer = await invoke(function, asked(number, content_type))

    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert len(bus.events) == events


async def test_other_body_is_not_proven(function: HttpFunction, bus: FakeBus) -> None:
    event = asked(1, "application/json")

    answer = await invoke(function, {**event, "body": event["body"] + " "})

    assert answer["statusCode"] == 403
    assert bus.events == []


async def test_handshake_is_on_the_same_path(function: HttpFunction) -> None:
    answer = await invoke(function, asked(0, "text/plain"))
    other = await invoke(function, a_request("PUT", "/webhooks/meta"))

    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert other["statusCode"] == 405
    assert set(other["headers"]["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_conversions_have_the_version_in_their_path(function: HttpFunction) -> None:
    known = await invoke(function, a_request("POST", "/v25.0/1/events", b"{}"))
    unknown = await invoke(function, a_request("POST", "/vx.0/1/events", b"{}"))

    assert (known["statusCode"], unknown["statusCode"]) == (400, 404)


async def test_signed_request_may_be_a_form(function: HttpFunction, bus: FakeBus) -> None:
    answer = await invoke(function, asked(9, "application/x-www-form-urlencoded"))

    assert answer["statusCode"] == 200
    assert len(bus.events) == 1
