"""Answers as CSV: readable by a CSV reader, and never executed by a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Fault
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.handler import REPORTS
from functions.tables import write_csv
from runtime.bus.replaying import read_envelope
from runtime.http.negotiation import preferred
from runtime.http.operator import operator_endpoints
from runtime.http.reporter import report_endpoints
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, ReportMetrics, new_registry
from tests.builders import a_letter
from tests.contract.test_dead_letters import keep_in_memory
from tests.doubles.fakes_operator import FakeDeadLetters, FakeTrails
from tests.doubles.fakes_reports import NOON, FakeReports, a_row, a_sale

FAULT = Fault("data.user.age", "int_type", "Input should be a valid integer")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
LISTS = [
    *(f"/reports/{it}" for it in ("events", "revenue", "demographics", "ledger")),
    "/dead-letters",
]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def reports() -> FakeReports:
    rows = [
        a_sale("12.50", campaign_id="camp-1"),
        a_row(source="tiktok", occurred_at=NOON + timedelta(days=2)),
        a_row(country="=cmd|' /C calc'!A0", city="Київ, «місто»"),
    ]
    ledger = LedgerFigures([LedgerSum(NOON, 3, 5, 0, 0, 0, 2, 1, 1, 0)], [])
    return FakeReports(rows, ledger=ledger)


async def test_all_campaigns_are_a_table_whose_sum_is_the_reports(
    client: httpx.AsyncClient, reports: FakeReports
) -> None:
    names = [f"camp-{number}" for number in range(300)]
    reports.rows = [
        *(a_sale("1.25", campaign_id=name) for name in names),
        a_sale("999.00", campaign_id="=HYPERLINK(1)"),
        a_sale("5.00", campaign_id="camp-old", occurred_at=NOON - timedelta(days=400)),
    ]
    range_ = {"from": "2024-01-01", "to": "2024-01-31"}

    answer = await client.get("/reports/campaigns.csv", params=range_)
    told = (await client.get("/reports/revenue", params=range_)).json()

    rows = rows_of(answer.text)
    assert 'filename="campaigns_2024-01-01_2024-02-01.csv"' in answer.headers["Content-Disposition"]
    assert list(rows[0]) == ["campaignId", "totalRevenue", "transactionCount", "currency"]
    assert rows[0]["campaignId"] == "'=HYPERLINK(1)"
    assert {row["campaignId"] for row in rows[1:]} == set(names)
    assert sum(Decimal(row["totalRevenue"]) for row in rows) == Decimal(told["totalRevenue"])


async def test_a_table_of_campaigns_has_no_limit_of_its_own(client: httpx.AsyncClient) -> None:
    assert (await client.get("/reports/campaigns.csv", params={"limit": "5"})).status_code == 400


@pytest.fixture
def letters() -> FakeDeadLetters:
    return FakeDeadLetters()


@pytest.fixture
async def client(
    reports: FakeReports, letters: FakeDeadLetters
) -> AsyncIterator[httpx.AsyncClient]:
    registry = new_registry()
    app = create_app(
        {
            **report_endpoints(reports, ReportMetrics(registry, REPORTS)),
            **operator_endpoints(letters, FakeTrails(letters), read_envelope),
        },
        health=Health({}, lambda: True),
        registry=registry,
        metrics=HttpMetrics(registry, "reporter"),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reporter") as client:
        yield client


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    written = write_csv(["campaignId"], [{"campaignId": text}]).decode()

    assert rows_of(written) == [{"campaignId": f"'{text}"}]


def test_numbers_are_written_as_they_are() -> None:
    assert write_csv(["a", "b"], [{"a": -3, "b": 1.5}]) == b"a,b\r\n-3,1.5\r\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_other_text_is_read_back_as_it_was(text: str) -> None:
    written = write_csv(["a", "b"], [{"a": text, "b": None}]).decode()

    [row] = rows_of(written)
    assert row["a"].removeprefix("'" if text.startswith(tuple("=+-@\t\r")) else "") == text
    assert row["b"] == ""


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv; q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0", "application/json"),
        ("application/json;q=0, text/csv;q=0.1", "text/csv"),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=zero", "text/csv"),
        (",,;/,text/csv,", "text/csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_a_client_gets_what_it_likes_best(accept: str, wanted: str) -> None:
    assert preferred(accept) == wanted


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_a_table_by_accept_and_by_its_path(
    path: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())

    usual = await client.get(path)
    asked = await client.get(path, headers={"Accept": "text/csv"})
    named = await client.get(f"{path}.csv", headers={"Accept": "application/json"})

    assert usual.headers["Content-Type"] == "application/json"
    assert asked.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert {it.headers["Vary"] for it in (usual, asked, named)} == {"Accept"}
    assert asked.text == named.text
    assert len(rows_of(asked.text)) > 0


async def test_the_table_of_events_is_their_list_or_their_series(
    client: httpx.AsyncClient,
) -> None:
    kinds = await client.get("/reports/events.csv")
    days = await client.get("/reports/events.csv?interval=day")

    assert kinds.text.splitlines() == [
        "source,funnelStage,eventType,count",
        "facebook,bottom,checkout.complete,1",
        "facebook,top,ad.view,1",
        "tiktok,top,like,1",
    ]
    assert days.text.splitlines() == [
        "bucket,count",
        "2024-01-01T00:00:00Z,2",
        "2024-01-02T00:00:00Z,0",
        "2024-01-03T00:00:00Z,1",
    ]


async def test_the_table_of_revenue_is_its_list_or_its_series(client: httpx.AsyncClient) -> None:
    sources = await client.get("/reports/revenue.csv")
    days = await client.get("/reports/revenue.csv?interval=day")

    assert rows_of(sources.text)[0]["totalRevenue"] == "12.50"
    assert days.text.splitlines() == [
        "bucket,totalRevenue,transactionCount,currency",
        "2024-01-01T00:00:00Z,12.50,1,unspecified",
    ]


async def test_the_lists_of_people_are_one_table_without_formulas(
    client: httpx.AsyncClient,
) -> None:
    people = rows_of((await client.get("/reports/demographics.csv")).text)

    cities = [it for it in people if it["list"] == "cities" and it["city"].startswith("Київ")]
    assert [(it["source"], it["country"], it["city"], it["users"]) for it in cities] == [
        ("facebook", "'=cmd|' /C calc'!A0", "Київ, «місто»", "1")
    ]


async def test_a_missing_event_is_a_negative_number_in_the_ledgers_table(
    client: httpx.AsyncClient,
) -> None:
    [minute] = rows_of((await client.get("/reports/ledger.csv")).text)

    assert next(iter(minute)) == "bucket"
    assert (minute["accepted"], minute["imbalance"], minute["rejections.kept"]) == ("3", "-2", "1")


@pytest.mark.parametrize("column", ["field", "message"])
async def test_what_a_sender_named_is_defused_in_the_list_of_letters(
    column: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter(fault=replace(FAULT, **{column: "=HYPERLINK(0)"})))

    [row] = rows_of((await client.get("/dead-letters.csv")).text)

    assert row[column] == "'=HYPERLINK(0)"


async def test_a_page_of_letters_as_a_table_leads_to_the_next(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, *(a_letter() for _ in range(3)))
    wanted = [it["id"] for it in (await client.get("/dead-letters")).json()["letters"]]

    first = await client.get("/dead-letters", params={"limit": 2}, headers={"Accept": "text/csv"})
    second = await client.get(first.links["next"]["url"])

    assert dict(parse_qsl(urlsplit(first.links["next"]["url"]).query))["limit"] == "2"
    assert [it["id"] for page in (first, second) for it in rows_of(page.text)] == wanted
    assert "next" not in second.links


async def test_a_file_has_its_filters_in_its_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/reports/events.csv?from=2024-01-01&to=2024-01-31&source=facebook")

    name = "events_2024-01-01_2024-02-01_facebook.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


async def test_faults_of_a_table_are_a_problem(client: httpx.AsyncClient) -> None:
    answer: Any = await client.get("/reports/events.csv?interval=year")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_money_stays_exact() -> None:
    assert b"0.10" in write_csv(["a"], [{"a": str(Decimal("0.10"))}])
