"""The sender of a request, its most common fault, and the log's warnings."""

import hashlib
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from runtime.api_keys import ApiKeys
from runtime.http.body import BodyReader
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.gateway import gateway_endpoint
from runtime.http.keys import all_guarded
from runtime.http.refused import RefusedRequests
from runtime.http.senders import Senders, sender_facts
from runtime.http.server.app import create_app
from runtime.networks import read_networks
from runtime.settings import BadSettings, GatewaySettings
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from tests.builders import a_facebook_event, raw
from tests.doubles.fakes import FakeBus

PROXIES = Senders(read_networks("10.0.0.0/8, 2001:db8::/32, 192.0.2.7"))
GOOD = raw(a_facebook_event())
BAD = raw(a_facebook_event(timestamp="soon"))
KEY = "a-key-of-the-agency"


def client(peer: str | None, *forwarded: str, senders: Senders = PROXIES) -> str | None:
    headers = [(b"x-forwarded-for", it.encode("latin-1")) for it in forwarded]
    return senders.facts(peer, headers).get("client")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.4", [], "198.51.100.4"),
        ("198.51.100.4", ["203.0.113.1"], "198.51.100.4"),  # as it claims itself
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.1"], "203.0.113.1"),
        ("::ffff:10.1.2.3", ["203.0.113.1"], "203.0.113.1"),
        ("192.0.2.7", ["203.0.113.1"], "203.0.113.1"),
        ("192.0.2.8", ["203.0.113.1"], "192.0.2.8"),
        ("10.1.2.3", ["1.1.1.1, 203.0.113.1"], "203.0.113.1"),  # the first is the sender's claim
        ("10.1.2.3", ["1.1.1.1", "203.0.113.1"], "203.0.113.1"),
        ("10.1.2.3", ["203.0.113.1, 10.9.9.9,10.8.8.8"], "203.0.113.1"),
        ("10.1.2.3", ["10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["203.0.113.1:5120"], "203.0.113.1"),
        ("10.1.2.3", ["[2001:db9::1]:5120"], "2001:db9::1"),
        ("10.1.2.3", ["2001:DB9:0::1"], "2001:db9::1"),
        ("2001:db8::1", ["::ffff:203.0.113.1"], "203.0.113.1"),
        ("10.1.2.3", ["203.0.113.1, unknown, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ['\x01"}\n'], "10.1.2.3"),
        ("10.1.2.3", ["fe80::1%a free text"], "10.1.2.3"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["10.0.0.1," * 2000], "10.1.2.3"),
        (None, ["203.0.113.1"], None),
    ],
)
def test_only_trusted_proxies_are_believed(
    peer: str | None, forwarded: Sequence[str], expected: str | None
) -> None:
    assert client(peer, *forwarded) == expected


def test_without_proxies_the_connection_says_who_asks() -> None:
    assert client("10.1.2.3", "203.0.113.1", senders=Senders()) == "10.1.2.3"
    assert client("::ffff:10.1.2.3", senders=Senders()) == "10.1.2.3"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (b"acme-webhooks/2.1", "acme-webhooks/2.1"),
        (b"a\x1b[31m\x00\x85\xa0b", "a?[31m???b"),
        (b"x" * 5000, "x" * 120),
    ],
)
def test_a_user_agent_is_short_and_has_no_control_characters(agent: bytes, expected: str) -> None:
    assert Senders().facts(None, [(b"user-agent", agent)]) == {"user_agent": expected}


def test_a_platform_tells_who_asked() -> None:
    assert sender_facts("203.0.113.1", "acme\n☃") == {
        "client": "203.0.113.1",
        "user_agent": "acme??",
    }
    assert sender_facts("", "") == {}


@pytest.mark.parametrize("text", ["nowhere", "10.0.0.0/64", "10.0.0.1;10.0.0.2"])
def test_a_setting_that_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="TRUSTED_PROXIES: Input should be addresses or networks"):
        GatewaySettings.load(nats_url=SecretStr("nats://127.0.0.1"), trusted_proxies=text)


async def lines_of(*bodies: bytes, path: str = "/events", **headers: str) -> list[dict[str, Any]]:
    """Post bodies to a gateway with a key, one after the other; returns its log."""
    bus, registry = FakeBus(), CollectorRegistry()
    bodies_reader = BodyReader(limit=10**6, bytes_in_flight=10**6, timeout_seconds=5)
    endpoints = {
        "/events": ("POST", gateway_endpoint(bus, bodies_reader)),
        "/cloudevents": ("POST", gateway_cloud_events(bus, bodies_reader)),
    }
    app = create_app(
        all_guarded(ApiKeys([KEY]), endpoints),
        health=Health({}),
        registry=registry,
        metrics=HttpMetrics(registry, "gateway"),
        senders=PROXIES,
    )
    usual = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {KEY}",
        "User-Agent": "acme-webhooks/2.1",
        "X-Forwarded-For": "203.0.113.1",
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(app, client=("10.1.2.3", 5120))
    with capture_logs() as logged:
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as sender:
            for body in bodies:
                await sender.post(path, content=body, headers={**usual, **named})
    return [dict(line) for line in logged]


async def test_a_line_says_who_sent_the_request_and_by_which_key() -> None:
    (line,) = await lines_of(GOOD)

    assert (line["event"], line["log_level"]) == ("request", "info")
    assert (line["client"], line["user_agent"]) == ("203.0.113.1", "acme-webhooks/2.1")
    assert line["key"] == hashlib.sha256(KEY.encode()).hexdigest()[:6]
    assert KEY not in str(line)
    assert "fault" not in line


async def test_a_wrong_key_has_no_name() -> None:
    line, warning = await lines_of(GOOD, Authorization="Bearer somebody-else's")

    assert line["status"] == warning["status"] == 401
    assert line["client"] == warning["client"] == "203.0.113.1"
    assert "key" not in line
    assert "somebody" not in str(line)


async def test_a_line_says_what_is_wrong_most_often() -> None:
    other = raw(a_facebook_event(eventType="x"))

    (line,) = await lines_of(b"[" + b",".join([other, BAD, GOOD, BAD]) + b"]")

    assert line["log_level"] == "info"
    assert (line["accepted"], line["rejected"]) == (1, 3)
    assert (line["fault_field"], line["fault_events"]) == ("timestamp", 2)
    assert line["fault"]


async def test_a_request_that_is_rejected_whole_is_warned_of_now_and_then() -> None:
    lines = await lines_of(*[b"[" + BAD + b"," + BAD + b"]"] * 20)

    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert len(lines) == 21
    assert [line["event"] for line in warnings] == ["whole request rejected"]
    assert warnings[0]["client"] == "203.0.113.1"
    assert warnings[0]["user_agent"] == "acme-webhooks/2.1"
    assert (warnings[0]["fault_field"], warnings[0]["fault_events"]) == ("timestamp", 2)
    assert (warnings[0]["requests"], warnings[0]["status"]) == (1, 422)


async def test_a_body_that_can_not_be_read_is_warned_of() -> None:
    line, warning = await lines_of(b"[{")

    assert line["status"] == warning["status"] == 400
    assert line["fault"] == warning["fault"] == "json_invalid"


async def test_rejected_data_of_cloud_events_are_warned_of() -> None:
    envelope = b'{"specversion":"1.0","id":"1","source":"/x","type":"y","data":' + BAD + b"}"

    line, warning = await lines_of(
        envelope, path="/cloudevents", Content_Type="application/cloudevents+json"
    )

    assert line["fault_field"] == warning["fault_field"] == "timestamp"
    assert warning["event"] == "whole request rejected"


@pytest.mark.parametrize("path", ["/events?dryRun=true", "/nowhere"])
async def test_what_loses_nothing_is_not_warned_of(path: str) -> None:
    lines = await lines_of(BAD, path=path)

    assert [line["log_level"] for line in lines] == ["info"]


async def test_a_field_that_a_sender_makes_up_is_not_in_the_log() -> None:
    event = a_facebook_event()
    made_up = {**event, "secret-of-mine": 1, "data": {**event["data"], "secret-of-mine": 1}}

    lines = await lines_of(raw(made_up), raw({"secret-of-mine": {}}), b'{"secret-of-mine"')

    assert "secret-of-mine" not in str(lines)


def test_a_warning_has_the_number_since_the_last_one() -> None:
    now = 0.0
    refused = RefusedRequests(lambda: now)

    with capture_logs() as logged:
        for _ in range(7):
            refused.add(422, {})
        now = 9.9
        refused.add(422, {})
        now = 10.0
        refused.add(422, {"client": "203.0.113.2"})

    assert [line["requests"] for line in logged] == [1, 8]
    assert logged[1]["client"] == "203.0.113.2"
