"""Meta's and TikTok's own SDKs as clients of the real gateway, before a real broker."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from functions.events import Source
from functions.senders.canonical import CanonicalEvent, decode_record
from runtime.api_keys import ApiKeys
from runtime.bus.envelopes import decode, decode_letters
from runtime.http.server.serving import served
from runtime.jetstream.connection import Broker
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS
from runtime.settings import GatewaySettings
from runtime.wiring.gateway import gateway
from tests.contract.broker import a_broker

PYTHON: Final = Path(sys.prefix) / "sender-sdks" / "bin" / "python"
"""Of the SDKs' own environment, which ``infra/test-tools.sh`` makes."""

CLIENT: Final = Path(__file__).parent / "sender_sdks.py"
KEY: Final = "ingest-key-0001"
NOW: Final = int(datetime.now(UTC).timestamp())
AT: Final = datetime.fromtimestamp(NOW, UTC).isoformat()

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="the SDKs are not installed: ./test.sh does so, where it can"
)


@asynccontextmanager
async def a_gateway(nats_url: str) -> AsyncIterator[str]:
    settings = GatewaySettings(
        nats_url=SecretStr(nats_url),
        ingest_api_keys=ApiKeys([KEY]),
        user_key_pepper=SecretStr("a pepper of at least 32 characters"),
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with (
        gateway(settings) as unit,
        served(unit.app, host="127.0.0.1", port=port, shutdown_timeout_seconds=5),
    ):
        yield f"http://127.0.0.1:{port}"


async def send(url: str, calls: list[Any], key: str = KEY) -> list[Any]:
    """Make calls by the SDKs; returns their answers."""
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        *("-W", "ignore", CLIENT, url, key),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(calls).encode())
    assert process.returncode == 0, err.decode()[-2000:]
    answers: list[Any] = json.loads(out)
    return answers


async def messages(broker: Broker, stream: str) -> list[Any]:
    info = await broker.jetstream.stream_info(stream)
    numbers = range(max(info.state.first_seq, 1), info.state.last_seq + 1)
    return [await broker.jetstream.get_msg(stream, number) for number in numbers]


async def events_of(broker: Broker, source: Source) -> list[CanonicalEvent]:
    """Read all events of a source that are on the broker's disk."""
    found = []
    for message in await messages(broker, EVENTS):
        if message.subject == f"events.{source}":
            for part in decode(source, message.data):
                records = map(decode_record, part.events)
                found += [it for it in records if isinstance(it, CanonicalEvent)]
    return found


def a_purchase(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_name": "Purchase",
        "event_time": NOW,
        "event_id": f"order-{number}",
        "user": {"external_id": f"crm-{number}", "email": "anna@example.org"},
        "custom": {"value": 100.2, "currency": "usd", "order_id": str(number)},
        **fields,
    }


def a_payment(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event": "CompletePayment",
        "event_id": f"order-{number}",
        "timestamp": AT,
        "user": {"external_id": "63f6a679", "email": "6a6c26195c36"},
        "properties": {"value": 5980.5, "currency": "JPY"},
        **fields,
    }


async def test_calls_of_the_sdks_are_accepted_each_event_once(nats_url: str) -> None:
    async with a_gateway(nats_url) as url, a_broker(nats_url) as broker:
        answers = await send(
            url,
            [
                ("meta", [a_purchase(1), a_purchase(2), a_purchase(1)]),
                ("meta", [a_purchase(1)]),
                ("meta", [a_purchase(3, event_name="Caf\u00e9 \U0001f600", custom={})]),
                ("tiktok", [a_payment(1)]),
                ("tiktok", [a_payment(1), a_payment(2, event="ViewContent", properties={})]),
            ],
        )
        meta, tiktok = await events_of(broker, "facebook"), await events_of(broker, "tiktok")

    assert [it["events_received"] for it in answers[:3]] == [3, 1, 1]
    assert [it["messages"] for it in answers[:3]] == [[], [], []]
    assert [set(it) >= {"request_id"} for it in answers[3:]] == [True, True]
    assert len(meta) == 5
    assert {(it.event_id, it.event_type, it.amount, it.currency, it.order_id) for it in meta} == {
        (meta[0].event_id, "checkout.complete", "100.2", "USD", "1"),
        (meta[1].event_id, "checkout.complete", "100.2", "USD", "2"),
        (meta[4].event_id, "custom", None, None, None),
    }
    assert meta[4].event_name == "Caf\u00e9 \U0001f600"
    assert [(it.event_type, it.amount, it.currency) for it in tiktok] == [
        ("purchase", "5980.5", "JPY"),
        ("purchase", "5980.5", "JPY"),
        ("content.view", None, None),
    ]
    assert tiktok[0].event_id == tiktok[1].event_id
    assert None not in {it.user_key for it in (*meta, *tiktok)}


async def test_what_is_refused_the_sdks_understand(nats_url: str) -> None:
    async with a_gateway(nats_url) as url, a_broker(nats_url) as broker:
        answers = await send(
            url,
            [
                ("meta", [a_purchase(1), a_purchase(2, event_time=1)]),
                ("meta", [a_purchase(2, event_time=1)]),
                ("tiktok", [a_payment(1, timestamp="yesterday")]),
            ],
        )
        denied = await send(
            url, [("meta", [a_purchase(1)]), ("tiktok", [a_payment(1)])], key="no-key-of-ours"
        )
        letters = [
            letter
            for message in await messages(broker, DEAD_LETTERS)
            for letter in decode_letters(message.data)
        ]

    assert answers[0]["events_received"] == 1
    assert answers[0]["messages"][0].startswith("data[1]: event_time:")
    assert (answers[1]["status"], answers[1]["body"]["error"]["code"]) == (400, 100)
    assert (answers[2]["status"], answers[2]["body"]["code"]) == (400, 40002)
    assert (denied[0]["status"], denied[0]["body"]["error"]["code"]) == (401, 190)
    assert (denied[1]["status"], denied[1]["body"]["code"]) == (401, 40105)
    assert [letter.channel for letter in letters] == [
        "meta.conversions",
        "meta.conversions",
        "tiktok.events",
    ]
    assert not any(word in str(letters) for word in ("anna@", "crm-", KEY, "6a6c26195c36"))
