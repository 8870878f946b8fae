"""A person who asked for an erasure sees its state, by its code alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from runtime.api_keys import ApiKeys
from runtime.settings import ReporterSettings
from runtime.wiring.reporter import reporter

ASKED = datetime(2026, 11, 18, 14, 0, 5, tzinfo=UTC)
DONE = datetime(2026, 11, 19, 3, 10, tzinfo=UTC)
ROW = """
    INSERT INTO erasures (
        id, user_key, requested_at, accepted_at, source, channel, event_id, confirmation_code,
        correlation_id, payload, done_at
    )
    VALUES (
        gen_random_uuid(), gen_random_uuid(), $1, $1, 'facebook', 'meta.webhook', $2, $2, 'c',
        '{}', $3
    )
"""


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    keys = ApiKeys(["a key that nobody needs here"])
    settings = ReporterSettings(
        database_url=SecretStr(database_url), reporter_api_keys=keys, operator_api_keys=keys
    )
    async with reporter(settings) as unit:
        connection = await asyncpg.connect(database_url)
        await connection.execute(ROW, ASKED, "waiting-1", None)
        await connection.execute(ROW, ASKED, "done-1", DONE)
        await connection.close()
        transport = httpx.ASGITransport(unit.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def test_a_program_gets_json(client: httpx.AsyncClient) -> None:
    json = {"Accept": "application/json"}
    waiting = await client.get("/privacy/requests/waiting-1", headers=json)
    done = await client.get("/privacy/requests/done-1", headers=json)

    assert waiting.json() == {
        "confirmationCode": "waiting-1",
        "requestedAt": "2026-11-18T14:00:05Z",
        "doneAt": None,
    }
    assert done.json()["doneAt"] == "2026-11-19T03:10:00Z"
    assert done.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("code", "language", "shown"),
    [
        ("waiting-1", "en", "The data are not erased yet."),
        ("done-1", "en", "Erased: 2026-11-19 03:10 UTC"),
        ("done-1", "uk", "Видалено: 2026-11-19 03:10 UTC"),
    ],
)
async def test_a_person_gets_a_page_without_ours(
    client: httpx.AsyncClient, code: str, language: str, shown: str
) -> None:
    headers = {"Accept": "text/html", "Accept-Language": language}
    answer = await client.get(f"/privacy/requests/{code}", headers=headers)

    assert answer.status_code == 200
    assert shown in answer.text
    assert code in answer.text
    assert "/dead-letters" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("code", ["nobody", "a" * 1000, "%00", "%3Cscript%3E"])
async def test_an_unknown_code_is_not_found(client: httpx.AsyncClient, code: str) -> None:
    for accept in ("application/json", "text/html"):
        answer = await client.get(f"/privacy/requests/{code}", headers={"Accept": accept})

        assert answer.status_code == 404
        assert "<script>" not in answer.text
