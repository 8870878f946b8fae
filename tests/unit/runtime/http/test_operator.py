"""The operator's endpoints over HTTP, on ports in memory."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from runtime.bus.replaying import read_envelope
from runtime.http.operator import operator_endpoints
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, new_registry
from tests.builders import a_facebook_event, a_letter, a_row, raw
from tests.contract.test_dead_letters import keep_in_memory
from tests.doubles.fakes_operator import FakeDeadLetters, FakeTrails

REGISTRY = new_registry()
METRICS = HttpMetrics(REGISTRY, "reporter")


@pytest.fixture
def letters() -> FakeDeadLetters:
    return FakeDeadLetters()


@pytest.fixture
async def client(letters: FakeDeadLetters) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        operator_endpoints(letters, FakeTrails(letters), read_envelope),
        health=Health({}, lambda: True),
        registry=REGISTRY,
        metrics=METRICS,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reporter") as client:
        yield client


@pytest.mark.parametrize("event_id", ["a/b//c", "a\nb\n", " ", "%2F", "?a=b#c", "ÿ😀", "..."])
async def test_an_event_is_found_by_any_id(
    event_id: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await letters.store.store([a_row(event_id, payload='{"a": 1.0}')])

    answer = await client.get(f"/events/facebook/{quote(event_id, safe='')}")

    assert answer.status_code == 200
    assert answer.json()["eventId"] == event_id
    assert answer.json()["event"]["payload"] == '{"a": 1.0}'


@pytest.mark.parametrize("event_id", ["a/b//c", "%", "%25", "p%2F", "?", "a?b=c", "a+b &c", "ÿ"])
async def test_an_event_is_found_by_a_parameter_with_any_id(
    event_id: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await letters.store.store([a_row(event_id)])

    answer = await client.get("/events/facebook", params={"id": event_id})

    assert answer.status_code == 200
    assert answer.json()["eventId"] == event_id


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing"),
        ("id=", "empty"),
        ("id=a&id=b", "repeated_parameter"),
        ("id=a&eventId=b", "unknown_parameter"),
        ("id=%00", "nul_character"),
        ("id=%FF", "encoding"),
    ],
)
async def test_a_parameter_that_is_no_id_is_a_problem(
    query: str, code: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/events/facebook?{query}")

    assert answer.status_code == 400
    assert [fault["code"] for fault in answer.json()["errors"]] == [code]


@pytest.mark.parametrize(
    "path",
    [
        "/events/facebook?id=fb-0",
        "/events/other?id=fb-1",
        "/events/facebook/fb-0",
        "/events/other/fb-1",
        f"/dead-letters/{uuid4()}",
    ],
)
async def test_a_missing_resource_is_a_problem(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_replay_and_discard_are_asked_for_with_post_only(client: httpx.AsyncClient) -> None:
    for path in ("/dead-letters/replay", "/dead-letters/discard", "/dead-letters/reopen"):
        answer = await client.get(path)

        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_only_the_single_letter_shows_what_its_sender_wrote(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    event = a_facebook_event(eventId="fb-secret", user={"name": "Secret"})
    letter = a_letter(payload=raw(event), event_id="fb-secret")
    await keep_in_memory(letters, letter)

    with capture_logs() as logs:
        shown = await client.get(f"/dead-letters/{letter.id}")
        await client.get("/events/facebook/fb-secret")
        await client.get("/events/facebook?id=fb-secret")
        await client.post("/events/facebook/fb-secret")
        others = [
            await client.get("/dead-letters"),
            await client.get("/dead-letters/summary"),
            await client.post("/dead-letters/replay"),
        ]

    assert "Secret" in shown.json()["payload"]
    assert {answer.status_code for answer in others} == {200}
    said = [answer.text for answer in others] + [json.dumps(logs)]
    assert not [text for text in said if "ecret" in text]
    assert b"ecret" not in generate_latest(REGISTRY)
    assert "/events/{source}/{eventId}" in {log.get("path") for log in logs}


async def test_the_history_names_the_request_of_each_action(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    letter = a_letter(payload=raw(a_facebook_event()))
    await keep_in_memory(letters, letter)

    replayed: dict[str, Any] = (
        await client.post("/dead-letters/replay", headers={"X-Correlation-Id": "mending-1"})
    ).json()
    shown = (await client.get(f"/dead-letters/{letter.id}")).json()

    assert (replayed["replayed"], replayed["dryRun"]) == (1, False)
    assert [each["correlationId"] for each in shown["history"]] == ["mending-1"]
