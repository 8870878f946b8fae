"""Real senders over HTTP: proofs, answers in the platforms' shapes, and what is logged."""

import gzip
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample
from structlog.testing import capture_logs

from functions.errors import Unavailable
from functions.events import Source
from functions.senders.canonical import CanonicalEvent, ErasureRequest, decode_record
from functions.senders.standard_webhooks import decode_secret
from runtime.http.body import BodyReader
from runtime.http.ingesting import ingest_endpoints
from runtime.http.responses import PROBLEM
from runtime.http.server.app import create_app
from runtime.settings import BadSettings, IngestSettings
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from tests.builders import a_facebook_event, raw
from tests.doubles.fakes import FakeBus
from tests.unit.functions.senders.calling import sample

PEPPER = "a pepper of at least 32 characters"
LIMIT = 1_000_000
META = "/v25.0/1234567890123/events"
TIKTOK = "/open_api/v1.3/event/track/"
WEBHOOKS = {
    "meta_app_secrets": "meta-app-secret-sample,older",
    "meta_verify_token": "sample-verify-token",
    "tiktok_client_secrets": "tiktok-client-secret-sample",
    "tiktok_signature_tolerance_seconds": 10**9,
    "tiktok_shop_app_key": "6jsampleappkey",
    "tiktok_shop_app_secrets": "tiktok-shop-app-secret-sample",
}
DENIED = {
    "/webhooks/meta": 403,
    "/privacy/meta/deletion": 403,
    "/webhooks/tiktok": 401,
    "/webhooks/tiktok-shop": 401,
}
STANDARD = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
OLDER = "whsec_b2xkZXJvbGRlcm9sZGVy"
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


async def send(gateway: httpx.AsyncClient, number: int, **headers: str) -> httpx.Response:
    """Send a sample unchanged."""
    asked = sample(number)["request"]
    body = sample(number).get("raw_body", "") or urlencode(asked.get("form", {}))
    told = {**asked.get("headers", {}), **headers}
    return await gateway.request(
        asked["method"], asked["path"], params=asked.get("query"), content=body, headers=told
    )


@pytest.mark.parametrize(
    ("number", "source", "channel"),
    [
        (1, "facebook", "meta.webhook"),
        (2, "facebook", "meta.webhook"),
        (3, "facebook", "meta.webhook"),
        (5, "tiktok", "tiktok.webhook"),
        (6, "tiktok", "tiktok.webhook"),
        (7, "tiktok", "tiktok.shop"),
    ],
)
async def test_delivery_is_answered_with_exactly_200(
    number: int, source: Source, channel: str, client: Open, bus: FakeBus
) -> None:
    registry = CollectorRegistry()
    async with client(registry, **WEBHOOKS) as gateway:
        answer = await send(gateway, number)

    assert (answer.status_code, answer.content) == (200, b"")
    [part] = bus.parts[source]
    assert part.channel == channel
    assert all(decode_record(event) for event in part.events)
    proven = [it.labels["secret"] for it in samples_of(registry, "sender_secrets_total")]
    assert proven == ["newest"]


async def test_deletion_request_is_answered_with_its_code(client: Open, bus: FakeBus) -> None:
    async with client(**WEBHOOKS, public_url="https://eps.example") as gateway:
        answer = await send(gateway, 9)

    [record] = [decode_record(event) for event in bus.events]
    assert isinstance(record, ErasureRequest)
    assert answer.json() == {
        "url": f"https://eps.example/privacy/requests/{record.confirmation_code}",
        "confirmation_code": record.confirmation_code,
    }


async def test_handshake_is_answered_with_its_challenge(client: Open, bus: FakeBus) -> None:
    bus.failure = Unavailable("the broker is down")
    async with client(**WEBHOOKS) as gateway:
        answer = await send(gateway, 0)
        query = {"hub.mode": "subscribe", "hub.verify_token": "wrong", "hub.challenge": "1"}
        wrong = await gateway.get("/webhooks/meta", params=query)
        other = await gateway.put("/webhooks/meta")

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert wrong.status_code == 403
    assert "wrong" not in wrong.text
    assert other.status_code == 405
    assert set(other.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", DENIED)
@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 10, b"signed_request=x.y"])
@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"\xff\xfe",
        "sha256=\u0661".encode(),
        b"sha256=" + b"0" * 64,
        b"t=1,s=" + b"0" * 10_000,
        "t=\u0661,s=x".encode(),
        b"v1,not base64",
    ],
)
async def test_bad_proof_is_refused_and_nothing_else(
    path: str, body: bytes, proof: bytes, client: Open, bus: FakeBus
) -> None:
    names = (b"X-Hub-Signature-256", b"TikTok-Signature", b"Authorization")
    headers = {b"Content-Type": b"application/x-www-form-urlencoded", **dict.fromkeys(names, proof)}
    async with client(**WEBHOOKS) as gateway:
        answer = await gateway.post(path, content=body, headers=headers)

    assert answer.status_code == DENIED[path]
    assert answer.headers["content-type"] == PROBLEM
    assert (bus.events, bus.letters) == ([], [])


@pytest.mark.parametrize("number", [1, 5, 7, 9])
async def test_a_broker_that_is_down_means_503(number: int, client: Open, bus: FakeBus) -> None:
    bus.failure = Unavailable("the broker is down")
    async with client(**WEBHOOKS) as gateway:
        answer = await send(gateway, number)

    assert answer.status_code == 503


@pytest.mark.parametrize("path", DENIED)
async def test_without_secrets_there_are_no_paths(path: str, client: Open) -> None:
    async with client() as gateway:
        assert (await gateway.post(path, content=b"{}")).status_code == 404


async def test_a_sender_whose_requests_are_refused_causes_a_warning(client: Open) -> None:
    with capture_logs() as logged:
        async with client(**WEBHOOKS) as gateway:
            await gateway.post("/webhooks/meta", content=b"{}")

    [warning] = [it for it in logged if it["log_level"] == "warning" and "requests" in it]
    assert warning["requests"] == 1
    assert "proof_missing" in str(warning)


async def test_a_subscription_without_data_causes_a_warning(client: Open) -> None:
    body = json.dumps({"object": "page", "entry": [{"id": "1", "changed_fields": ["feed"]}]})
    signature = hmac.digest(b"older", body.encode(), "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    with capture_logs() as logged:
        async with client(**WEBHOOKS) as gateway:
            answer = await gateway.post("/webhooks/meta", content=body, headers=headers)

    assert answer.status_code == 200
    assert "subscription sends no data" in str(logged)


@pytest.mark.parametrize("name", ["meta_app_secrets", "tiktok_client_secrets"])
def test_secrets_without_a_pepper_refuse_the_start(name: str) -> None:
    needing = rf"USER_KEY_PEPPER: is not set, and has to be with {name.upper()}"
    with pytest.raises(BadSettings, match=needing):
        IngestSettings.load(**{name: "a,b"})


@pytest.mark.parametrize("name", ["META_APP_SECRETS", "TIKTOK_SHOP_APP_SECRETS"])
def test_secrets_are_a_list_newest_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("TIKTOK_SHOP_APP_KEY", "key")
    monkeypatch.setenv(name, "new, old")

    secrets = getattr(IngestSettings.load(), name.lower())

    assert [it.get_secret_value() for it in secrets] == ["new", "old"]
    monkeypatch.setenv(name, "new,,old")
    with pytest.raises(BadSettings, match=name):
        IngestSettings.load()


def signed_headers(body: bytes, secret: str = STANDARD) -> dict[str, str]:
    at = str(now())
    signature = hmac.digest(decode_secret(secret), f"m-1.{at}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": "m-1",
        "webhook-timestamp": at,
        "webhook-signature": f"v1,AAAA v1,{b64encode(signature).decode()}",
    }


async def test_signed_request_needs_no_key(client: Open, bus: FakeBus) -> None:
    registry, body = CollectorRegistry(), raw(a_facebook_event())
    told = {"ingest_api_keys": "key-1", "webhook_secrets": f"{STANDARD},{OLDER}"}
    async with client(registry, **told) as gateway:
        plain = {"Content-Type": "application/json"}
        keyed = {**plain, "Authorization": "Bearer key-1"}
        packed = {**signed_headers(body, OLDER), "Content-Encoding": "gzip"}
        asked = [
            (body, signed_headers(body)),
            (gzip.compress(body), packed),
            (body, keyed),
            (body, plain),
            (body + b" ", signed_headers(body)),
            (body, {**signed_headers(body), "Authorization": "Bearer key-1", "webhook-id": "m-2"}),
        ]
        answers = [await gateway.post("/events", content=it, headers=told) for it, told in asked]

    assert [it.status_code for it in answers] == [202, 202, 202, 401, 401, 401]
    assert len(bus.events) == 3
    assert [part.channel for part in bus.parts["facebook"]] == ["native"] * 3
    proven = samples_of(registry, "sender_secrets_total")
    assert [(it.labels["sender"], it.labels["secret"], it.value) for it in proven] == [
        ("standard_webhooks", "newest", 1),
        ("standard_webhooks", "older", 1),
    ]


def test_secret_of_another_form_refuses_the_start() -> None:
    with pytest.raises(BadSettings, match="WEBHOOK_SECRETS"):
        IngestSettings.load(webhook_secrets="secret")


async def test_signature_is_enough_for_a_delivery(client: Open) -> None:
    async with client(meta_app_secrets=WEBHOOKS["meta_app_secrets"]) as gateway:
        answer = await send(gateway, 1)
        handshake = await send(gateway, 0)

    assert (answer.status_code, handshake.status_code) == (200, 403)


def test_secrets_of_a_shop_need_its_key() -> None:
    with pytest.raises(BadSettings, match="TIKTOK_SHOP_APP_SECRETS: needs TIKTOK_SHOP_APP_KEY"):
        IngestSettings.load(user_key_pepper=PEPPER, tiktok_shop_app_secrets="a")


def samples_of(registry: CollectorRegistry, name: str) -> list[Sample]:
    return [it for metric in registry.collect() for it in metric.samples if it.name == name]


def test_short_pepper_is_refused() -> None:
    with pytest.raises(BadSettings, match="USER_KEY_PEPPER"):
        IngestSettings.load(user_key_pepper="short")


async def test_nothing_secret_or_personal_is_logged_or_kept(client: Open, bus: FakeBus) -> None:
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
    with capture_logs() as logged:
        async with client(ingest_api_keys=told["token"]) as gateway:
            taken = await gateway.post(META, params=query, json={"data": events})
            assert taken.status_code == 200
            refused = await gateway.post(META, params={"access_token": "SECRETTOKEN0002"}, json={})
            assert refused.status_code == 401

        async with client(**WEBHOOKS) as gateway:
            for number in (1, 5, 6, 9):
                await send(gateway, number)
    told |= {
        "names": "Zo\u00eb",
        "text": "how much?",
        "comment": "nice",
        "user": "7700000000000001",
        "account": "act.example12345Example12345Example",
        "asking": "218471",
        "author": "AbCdEf123==",
    }

    kept = [*bus.events, *(letter.payload for letter in bus.letters)]
    everything = str(logged) + taken.text + refused.text + str(kept) + repr(bus.letters)
    assert "'sender': 'meta_conversions'" in everything
    assert [word for word in (*told.values(), "SECRETTOKEN") if word in everything] == []
