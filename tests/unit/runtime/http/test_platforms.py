"""Real senders over HTTP: proofs, answers in the platforms' shapes, and what is logged."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.senders.canonical import CanonicalEvent, decode_record
from runtime.http.body import BodyReader
from runtime.http.ingesting import ingest_endpoints
from runtime.http.server.app import create_app
from runtime.settings import BadSettings, IngestSettings
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from tests.doubles.fakes import FakeBus

PEPPER = "a pepper of at least 32 characters"
LIMIT = 1_000_000
META = "/v25.0/1234567890123/events"
TIKTOK = "/open_api/v1.3/event/track/"
EVERY_PATH = [META, TIKTOK, "/open_api/v1.2/pixel/track/", "/open_api/v1.3/pixel/batch/"]

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def client(bus: FakeBus) -> Open:
    @asynccontextmanager
    async def opened(
        registry: CollectorRegistry | None = None, **settings: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        registry = registry or CollectorRegistry()
        bodies = BodyReader(limit=LIMIT, bytes_in_flight=LIMIT, timeout_seconds=5)
        told = IngestSettings.load(**{"user_key_pepper": PEPPER, **settings})
        app = create_app(
            ingest_endpoints(bus, bodies, told, registry),
            health=Health(),
            registry=registry,
            metrics=HttpMetrics(registry, "gateway"),
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
            yield opened

    return opened


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def a_meta_event(**fields: Any) -> dict[str, Any]:
    bought = {"value": 100.2, "currency": "usd", "order_id": "1001"}
    plain = {"event_name": "Purchase", "event_time": now(), "event_id": "order-1001"}
    return {**plain, "custom_data": bought, **fields}


def a_tiktok_event(**fields: Any) -> dict[str, Any]:
    bought = {"value": 5980, "currency": "JPY"}
    plain = {"event": "Purchase", "event_time": now(), "event_id": "order-2002"}
    return {**plain, "properties": bought, **fields}


async def test_call_of_meta_s_is_answered_as_the_graph_api_does(client: Open, bus: FakeBus) -> None:
    registry = CollectorRegistry()
    async with client(registry) as gateway:
        answer = await gateway.post(
            META,
            json={"data": [a_meta_event(), {"event_name": "Lead"}]},
            headers={"X-Correlation-Id": "c-1"},
        )

    assert answer.status_code == 200
    assert answer.json() == {
        "events_received": 1,
        "messages": ["data[1]: event_time: should be a Unix time"],
        "fbtrace_id": "c-1",
    }
    [part] = bus.parts["facebook"]
    record = decode_record(part.events[0])
    assert (part.channel, part.correlation_id) == ("meta.conversions", "c-1")
    assert isinstance(record, CanonicalEvent)
    assert (record.amount, record.currency, record.order_id) == ("100.2", "USD", "1001")
    [letter] = bus.letters
    assert (letter.channel, letter.position, letter.source) == ("meta.conversions", 1, "facebook")
    assert json.loads(letter.payload)["event_name"] == "Lead"
    labels = {"service": "gateway", "sender": "meta_conversions"}
    parts = [{**labels, "kind": kind} for kind in ("event", "refused")]
    assert [registry.get_sample_value("sender_parts_total", it) for it in parts] == [1, 1]


async def test_call_of_tiktok_s_is_answered_as_its_api_does(client: Open, bus: FakeBus) -> None:
    body = {"event_source": "web", "event_source_id": "P-1", "data": [a_tiktok_event()]}
    async with client() as gateway:
        answer = await gateway.post(TIKTOK, json=body, headers={"X-Correlation-Id": "c-1"})
        some = await gateway.post(TIKTOK, json={**body, "data": [a_tiktok_event(), {}]})

    assert answer.status_code == 200
    assert answer.json() == {"code": 0, "message": "OK", "request_id": "c-1", "data": {}}
    assert bus.parts["tiktok"][0].channel == "tiktok.events"
    assert some.status_code == 200
    [failed] = some.json()["data"]["failed_events"]
    assert failed["order_in_batch"] == 1


async def test_errors_have_the_platforms_shapes(client: Open, bus: FakeBus) -> None:
    async with client(ingest_api_keys="key-1") as gateway:
        for body in (b"", b"{", json.dumps({"data": [{}]}).encode()):
            headers = {"Access-Token": "key-1", "Authorization": "Bearer key-1"}
            meta = await gateway.post(META, content=body, headers=headers)
            tiktok = await gateway.post(TIKTOK, content=body, headers=headers)
            assert (meta.status_code, tiktok.status_code) == (400, 400)
            assert meta.json()["error"]["code"] == 100
            assert meta.json()["error"]["fbtrace_id"] == meta.headers["x-correlation-id"]
            assert tiktok.json()["code"] == 40002
        meta, tiktok = [await gateway.post(path, json={"data": [{}]}) for path in (META, TIKTOK)]
        assert (meta.status_code, tiktok.status_code) == (401, 401)
        assert meta.json()["error"]["code"] == 190
        assert tiktok.json()["code"] == 40105

        bus.failure = Unavailable("broker")
        meta = await gateway.post(META, json={"data": [a_meta_event()], "access_token": "key-1"})
        tiktok = await gateway.post(
            TIKTOK, json={"data": [a_tiktok_event()]}, headers={"Access-Token": "key-1"}
        )

    assert (meta.status_code, tiktok.status_code) == (503, 503)
    assert meta.json()["error"]["is_transient"] is True
    assert tiktok.json()["code"] == 50002
    assert int(meta.headers["retry-after"]) >= 1


async def test_body_that_is_too_large_is_refused_in_the_same_shape(client: Open) -> None:
    async with client() as gateway:
        answer = await gateway.post(META, content=b"x" * (LIMIT + 1))

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == 100


@pytest.mark.parametrize("path", EVERY_PATH)
async def test_without_a_pepper_there_are_no_paths(client: Open, path: str) -> None:
    async with client(user_key_pepper=None) as gateway:
        assert (await gateway.post(path, json={})).status_code == 404
    async with client() as gateway:
        assert (await gateway.post(path, json={})).status_code == 400
        assert (await gateway.get(path)).status_code == 405


def test_short_pepper_is_refused() -> None:
    with pytest.raises(BadSettings, match="USER_KEY_PEPPER"):
        IngestSettings.load(user_key_pepper="short")


async def test_nothing_secret_or_personal_is_logged_or_kept(
    client: Open, bus: FakeBus, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {
        "email": "anna.smith@example.org",
        "phone": "+380501234567",
        "address": "198.51.100.77",
        "agent": "Mozilla/5.0 (Secret)",
        "token": "SECRETTOKEN0001",
        "click": "fb.1.1554763741205.SECRETCLICK",
    }
    user = {
        "em": [told["email"]],
        "ph": told["phone"],
        "client_ip_address": told["address"],
        "client_user_agent": told["agent"],
        "fbc": told["click"],
    }
    events = [a_meta_event(user_data=user), {"event_name": "Purchase", "user_data": user}, user]
    query = {"access_token": told["token"]}
    async with client(ingest_api_keys=told["token"]) as gateway:
        taken = await gateway.post(META, params=query, json={"data": events})
        assert taken.status_code == 200
        refused = await gateway.post(META, params={"access_token": "SECRETTOKEN0002"}, json={})
        assert refused.status_code == 401

    out = capsys.readouterr()
    kept = [*bus.events, *(letter.payload for letter in bus.letters)]
    everything = out.out + out.err + taken.text + refused.text + str(kept) + repr(bus.letters)
    assert '"sender": "meta_conversions"' in everything or "sender=" in everything
    assert [word for word in (*told.values(), "SECRETTOKEN") if word in everything] == []
