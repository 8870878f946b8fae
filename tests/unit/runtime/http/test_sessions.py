"""Signing in: the rights of a session, its duration, and the secrets that are never in it."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from functions.reporter.handler import REPORTS
from runtime.api_keys import ApiKeys
from runtime.bus.replaying import read_envelope
from runtime.http.reporting import ReporterKeys, reporting_endpoints
from runtime.http.request import Request
from runtime.http.server.app import create_app
from runtime.http.sessions import SESSION_SECONDS, Sessions
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, ReportMetrics, new_registry
from tests.builders import a_letter
from tests.contract.test_dead_letters import keep_in_memory
from tests.doubles.fakes_operator import FakeDeadLetters, FakeErasures, FakeTrails
from tests.doubles.fakes_reports import FakeReports
from tests.unit.runtime.http.test_pipeline import FakePipeline, figures

READER: Final = "reader-key"
OPERATOR: Final = "operator-key"
BROWSER: Final = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
COOKIE: Final = "eps_session"


@pytest.fixture
def letters() -> FakeDeadLetters:
    return FakeDeadLetters()


@asynccontextmanager
async def browsing(
    letters: FakeDeadLetters, readers: list[str], operators: list[str], *, secure: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    registry = new_registry()
    keys = ReporterKeys(
        ApiKeys([*readers, *operators]) if readers else ApiKeys(), ApiKeys(operators), secure=secure
    )
    app = create_app(
        reporting_endpoints(
            FakeReports([]),
            FakePipeline(figures()),
            letters,
            FakeTrails(letters),
            read_envelope,
            erasures=FakeErasures(),
            metrics=ReportMetrics(registry, REPORTS),
            keys=keys,
        ),
        health=Health({}, lambda: True),
        registry=registry,
        metrics=HttpMetrics(registry, "reporter"),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://reporter", headers=BROWSER
    ) as client:
        yield client


@pytest.fixture
async def client(letters: FakeDeadLetters) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(letters, [READER], [OPERATOR]) as client:
        yield client


async def sign(client: httpx.AsyncClient, key: str, there: str = "/") -> httpx.Response:
    return await client.post("/session", data={"key": key, "next": there})


@pytest.mark.parametrize("path", ["/", "/pipeline", "/dead-letters", "/trail"])
async def test_who_has_not_signed_in_gets_the_form_and_nothing_else(
    path: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(path)

    assert answer.status_code == 401
    assert 'action="/session"' in answer.text
    assert 'class="strip' not in answer.text
    assert "Bearer" in answer.headers["WWW-Authenticate"]


async def test_a_reader_sees_reports_and_is_told_what_an_operator_would_need(
    client: httpx.AsyncClient,
) -> None:
    signed = await sign(client, READER, "/pipeline")

    assert (signed.status_code, signed.headers["Location"]) == (303, "/pipeline")
    assert (await client.get("/")).status_code == 200
    assert (await client.get("/reports/events.csv")).status_code == 200
    refused = await client.get("/dead-letters")
    assert refused.status_code == 401
    assert "operator" in refused.text
    assert (await client.get("/dead-letters.csv")).status_code == 401


async def test_an_operator_sees_and_does_all(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())
    await sign(client, OPERATOR)

    with capture_logs() as logs:
        answer = await client.post("/dead-letters/discard?reason=rejected", data={"confirm": "1"})

    assert answer.status_code == 200
    assert [it.head.state for it in letters.kept.values()] == ["discarded"]
    [line] = [it for it in logs if it["event"] == "request"]
    assert len(line["key"]) == 6
    assert (await client.get("/")).status_code == 200


async def test_a_wrong_key_opens_nothing(client: httpx.AsyncClient) -> None:
    answer = await sign(client, "wrong")

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "not valid here" in answer.text


async def test_nothing_of_the_key_is_in_the_cookie(client: httpx.AsyncClient) -> None:
    cookie = (await sign(client, OPERATOR)).headers["Set-Cookie"]

    value = cookie.partition("=")[2].partition(";")[0]
    assert OPERATOR.encode() not in base64.urlsafe_b64decode(value + "==")
    assert OPERATOR not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {it.strip() for it in cookie.split(";")}
    assert "Secure" not in cookie


async def test_where_browsers_come_by_https_the_cookie_stays_there(
    letters: FakeDeadLetters,
) -> None:
    async with browsing(letters, [READER], [OPERATOR], secure=True) as client:
        cookie = (await sign(client, READER)).headers["Set-Cookie"]

        assert cookie.startswith("__Host-eps_session=")
        assert "; Secure" in cookie
        assert (await client.get("/")).status_code == 200


async def test_a_session_ends_when_its_key_is_removed(letters: FakeDeadLetters) -> None:
    async with browsing(letters, [READER, "other"], [OPERATOR]) as client:
        await sign(client, READER)
        session = client.cookies[COOKIE]
    async with browsing(letters, ["other"], [OPERATOR]) as client:
        client.cookies.set(COOKIE, session)

        assert (await client.get("/")).status_code == 401


async def test_every_replica_knows_a_session(letters: FakeDeadLetters) -> None:
    async with browsing(letters, [READER], [OPERATOR]) as client:
        await sign(client, READER)
        session = client.cookies[COOKIE]
    async with browsing(letters, [READER], [OPERATOR]) as client:
        client.cookies.set(COOKIE, session)

        assert (await client.get("/")).status_code == 200


async def test_signing_out_ends_the_session(client: httpx.AsyncClient) -> None:
    await sign(client, READER)
    assert "/session/end" in (await client.get("/")).text

    await client.post("/session/end")

    assert (await client.get("/")).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil"}])
async def test_a_session_alone_changes_nothing(
    headers: dict[str, str], client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())
    await sign(client, OPERATOR)
    del client.headers["Sec-Fetch-Site"]

    for accept in ("text/html", "application/json"):
        answer = await client.post(
            "/dead-letters/discard?reason=rejected",
            headers={**headers, "Accept": accept},
            data={"confirm": "1"},
        )
        assert answer.status_code in (401, 403)

    assert [it.head.state for it in letters.kept.values()] == ["open"]


async def test_a_form_of_ours_needs_no_fetch_metadata(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())
    await sign(client, OPERATOR)
    del client.headers["Sec-Fetch-Site"]

    answer = await client.post(
        "/dead-letters/discard?reason=rejected",
        headers={"Origin": "https://reporter"},
        data={"confirm": "1"},
    )

    assert answer.status_code == 200


async def test_bearer_keys_go_on_as_they_are(client: httpx.AsyncClient) -> None:
    del client.headers["Sec-Fetch-Site"]
    bearer = {"Authorization": f"Bearer {OPERATOR}", "Accept": "application/json"}

    answer = await client.post("/dead-letters/discard?reason=rejected", headers=bearer)

    assert answer.status_code == 200


async def test_after_signing_in_nobody_is_led_elsewhere(client: httpx.AsyncClient) -> None:
    answer = await sign(client, READER, "//evil.test")

    assert answer.headers["Location"] == "/"


async def test_the_form_leads_back_to_where_one_was(client: httpx.AsyncClient) -> None:
    answer = await client.get("/?range=24h&source=facebook")

    [there] = [
        line.partition('value="')[2].partition('"')[0]
        for line in answer.text.split("<input")
        if 'name="next"' in line
    ]
    assert dict(parse_qsl(urlsplit(there.replace("&amp;", "&")).query)) == {
        "range": "24h",
        "source": "facebook",
    }


async def test_a_link_of_another_site_is_asked_for_again_by_ourselves(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/?range=24h", headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.headers["Refresh"]) == (200, "0")
    assert 'class="figure"' not in answer.text


async def test_a_form_has_a_bound(client: httpx.AsyncClient) -> None:
    answer = await client.post("/session", content=b"key=" + b"a" * 9_000)

    assert answer.status_code == 413


async def test_without_keys_there_is_nothing_to_sign_in_to(letters: FakeDeadLetters) -> None:
    async with browsing(letters, [], []) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/sign-in")).status_code == 404


def a_request(cookie: str) -> Request:
    async def chunks() -> AsyncIterator[bytes]:
        yield b""

    return Request({"cookie": cookie}, "", "test", chunks)


def test_a_session_lasts_a_working_day() -> None:
    clock = [1_000_000.0]
    keys = ApiKeys([READER])
    sessions = Sessions(keys, secure=False, now=lambda: clock[0])
    cookie = str(sessions.begin(READER.encode())).partition(";")[0]

    clock[0] += SESSION_SECONDS - 1
    before = sessions.visitor(a_request(cookie), keys)
    clock[0] += 1
    after = sessions.visitor(a_request(cookie), keys)

    assert before is not None
    assert after is None


def test_no_changed_byte_of_a_session_opens_anything() -> None:
    keys = ApiKeys([READER])
    sessions = Sessions(keys, secure=False)
    cookie = str(sessions.begin(READER.encode())).partition(";")[0]
    name, _, value = cookie.partition("=")
    token = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))

    changed: list[Any] = [
        token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        for place in range(len(token))
    ]
    for bad in (*changed, token[:-1], token + b"a", b"", b"\xff" * 41):
        written = base64.urlsafe_b64encode(bad).decode().rstrip("=")
        assert sessions.visitor(a_request(f"{name}={written}"), keys) is None
    for junk in ("", "é", "a;b", "=", f"{name}=%%%", f"{name}=\x00"):
        assert sessions.visitor(a_request(junk), keys) is None
