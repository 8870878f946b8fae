"""Each sender's request while the broker is killed, sent again as its platform would: once."""

import asyncio
import hmac
import json
import os
import signal
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from pydantic import SecretStr

from functions.events import SOURCES
from functions.senders.canonical import decode_record
from functions.senders.table import SENDERS
from runtime.bus.envelopes import decode
from runtime.jetstream.streams import EVENTS
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.settings import GatewaySettings
from runtime.wiring.gateway import gateway
from tests.contract.broker import a_broker, eventually

_SECRET: Final = b"secret"
_DELIVERIES: Final = 12
_RETRY_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 60


class Asked(NamedTuple):
    """A request, and how many records it is."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    records: int = 1


def _signed(*parts: bytes) -> str:
    return hmac.digest(_SECRET, b"".join(parts), "sha256").hex()


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def of_meta_conversions(number: int) -> Asked:
    events = [
        {"event_name": "Lead", "event_time": _now(), "event_id": f"{number}-{each}"}
        for each in range(100)
    ]
    return Asked("/v25.0/1/events", json.dumps({"data": events}).encode(), {}, len(events))


def of_tiktok_events(number: int) -> Asked:
    event = {"event": "Search", "event_time": _now(), "event_id": str(number)}
    body = json.dumps({"event_source_id": "P", "data": [event]}).encode()
    return Asked("/open_api/v1.3/event/track/", body, {})


def of_meta_webhooks(number: int) -> Asked:
    values = [
        {"item": "comment", "verb": "add", "comment_id": f"{number}_{each}", "created_time": 5}
        for each in range(100)
    ]
    changes = [{"field": "feed", "value": value} for value in values]
    body = json.dumps({"object": "page", "entry": [{"id": "1", "changes": changes}]}).encode()
    headers = {"X-Hub-Signature-256": f"sha256={_signed(body)}"}
    return Asked("/webhooks/meta", body, headers, len(values))


def of_meta_deletion(number: int) -> Asked:
    text = urlsafe_b64encode(json.dumps({"user_id": number}).encode()).rstrip(b"=")
    signature = urlsafe_b64encode(hmac.digest(_SECRET, text, "sha256")).rstrip(b"=")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Asked("/privacy/meta/deletion", b"signed_request=" + signature + b"." + text, headers)


def of_tiktok_webhooks(number: int) -> Asked:
    content = {"comment_id": number + 1, "comment_action": "insert", "timestamp": 5000}
    body = json.dumps({"event": "comment.update", "content": json.dumps(content)}).encode()
    at = str(_now())
    headers = {"TikTok-Signature": f"t={at},s={_signed(at.encode(), b'.', body)}"}
    return Asked("/webhooks/tiktok", body, headers)


def of_tiktok_shop(number: int) -> Asked:
    data = {"order_id": str(number), "order_status": "AWAITING_SHIPMENT", "update_time": 5}
    body = json.dumps({"type": 1, "shop_id": "1", "data": data}).encode()
    return Asked("/webhooks/tiktok-shop", body, {"Authorization": _signed(b"key", body)})


_ASKING: Final[Mapping[str, Callable[[int], Asked]]] = {
    "meta_conversions": of_meta_conversions,
    "tiktok_events": of_tiktok_events,
    "meta_webhooks": of_meta_webhooks,
    "meta_deletion": of_meta_deletion,
    "tiktok_webhooks": of_tiktok_webhooks,
    "tiktok_shop": of_tiktok_shop,
}


async def until_taken(client: httpx.AsyncClient, asked: Asked, given: list[int]) -> None:
    """Send a request until it is answered with 200, as a platform does."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            answer = await client.post(asked.path, content=asked.body, headers=asked.headers)
            given.append(answer.status_code)
            if answer.status_code == httpx.codes.OK:
                return
            await asyncio.sleep(_RETRY_SECONDS)


async def records_on(url: str) -> list[str]:
    """Read the ids of all records on the broker's disk."""
    found: list[str] = []
    async with a_broker(url) as broker:
        info = await broker.jetstream.stream_info(EVENTS)
        for number in range(info.state.first_seq, info.state.last_seq + 1):
            message = await broker.jetstream.get_msg(EVENTS, number)
            for source in SOURCES:
                if message.subject == f"events.{source}":
                    for part in decode(source, message.data or b""):
                        found += [decode_record(event).event_id for event in part.events]
    return found


@pytest.mark.parametrize("sender", [it.name for it in SENDERS])
async def test_request_is_taken_once_though_the_broker_is_killed(
    sender: str, tmp_path: Path
) -> None:
    asked = [_ASKING[sender](number) for number in range(_DELIVERIES)]
    given: list[int] = []
    server = EmbeddedNats(tmp_path)
    settings: dict[str, Any] = {
        "nats_url": SecretStr(server.url),
        "publish_timeout_seconds": 0.5,
        "user_key_pepper": SecretStr("a pepper of at least 32 characters"),
        "meta_app_secrets": (SecretStr("secret"),),
        "meta_verify_token": SecretStr("token"),
        "tiktok_client_secrets": (SecretStr("secret"),),
        "tiktok_shop_app_key": SecretStr("key"),
        "tiktok_shop_app_secrets": (SecretStr("secret"),),
    }

    async with AsyncExitStack() as held:
        async with server:
            unit = await held.enter_async_context(gateway(GatewaySettings(**settings)))
            transport = httpx.ASGITransport(unit.app)
            client = await held.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://localhost")
            )
            sending = [asyncio.create_task(until_taken(client, it, given)) for it in asked[:6]]
            await sending[0]
            os.kill(server.pid, signal.SIGKILL)
            sending += [asyncio.create_task(until_taken(client, it, given)) for it in asked[6:]]
            await eventually(lambda: 503 in given)
        async with EmbeddedNats(tmp_path, port=server.port) as again:
            await asyncio.gather(*sending)
            found = await records_on(again.url)
            await held.aclose()

    assert set(given) == {200, 503}
    assert len(set(found)) == sum(it.records for it in asked)
