"""Real senders from their own requests to reports, and nothing personal anywhere in between."""

import asyncio
import hmac
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
import zstandard

from tests.contract.test_sender_sdks import PYTHON, a_payment, a_purchase, send
from tests.e2e.whole_system import WholeSystem
from tests.truth.recomputation import differences
from tests.unit.functions.senders.calling import sample

_SECRETS: Final = {
    "META_APP_SECRETS": "meta-app-secret-sample",
    "META_VERIFY_TOKEN": "sample-verify-token",
    "TIKTOK_CLIENT_SECRETS": "tiktok-client-secret-sample",
    "TIKTOK_SIGNATURE_TOLERANCE_SECONDS": "1000000000",
    "TIKTOK_SHOP_APP_KEY": "6jsampleappkey",
    "TIKTOK_SHOP_APP_SECRETS": "tiktok-shop-app-secret-sample",
}
_TOKEN: Final = "INGESTKEYOFTHISTEST0001"
_PERSONAL: Final = {
    "em": "anna.kovalenko@example.org",
    "ph": "+380501234567",
    "external_id": "crm-anna-kovalenko-77",
    "client_ip_address": "198.51.100.77",
    "client_user_agent": "Mozilla/5.0 (AgentOfThisTest)",
    "fbc": "fb.1.1554763741205.ClickOfThisTest",
}


@pytest.fixture(scope="module")
async def folder() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eps-senders-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
async def system(folder: Path) -> AsyncIterator[WholeSystem]:
    running = WholeSystem(folder / "data", INGEST_API_KEYS=_TOKEN, **_SECRETS)
    await running.start()
    yield running
    assert await running.stop() == 0


@pytest.fixture(autouse=True)
async def _empty(system: WholeSystem) -> None:
    await system.empty()


async def counts(system: WholeSystem) -> dict[tuple[str, str], int]:
    """Read the report on events once all is stored, and compare it with the rows."""
    await system.drained()
    assert await differences(system.fetch) == {}
    unbalanced = "SELECT * FROM ledger WHERE counted <> stored + duplicates + dead"
    assert await system.fetch(unbalanced) == []
    report = await system.ask("/reports/events")
    return {(it["source"], it["eventType"]): it["count"] for it in report["events"]}


async def revenue(system: WholeSystem) -> dict[str, str]:
    report = await system.ask("/reports/revenue")
    return {it["currency"]: it["totalRevenue"] for it in report["currencies"]}


async def post(system: WholeSystem, number: int) -> httpx.Response:
    """Send a sample as it is."""
    asked = sample(number)["request"]
    body = sample(number).get("raw_body") or urlencode(asked["form"])
    async with httpx.AsyncClient(base_url=system.url_of("gateway")) as client:
        return await client.post(asked["path"], content=body, headers=asked["headers"])


@pytest.mark.skipif(not PYTHON.exists(), reason="the SDKs are not installed: ./test.sh does so")
async def test_calls_of_the_sdks_are_reported_once_by_type_and_currency(
    system: WholeSystem,
) -> None:
    calls = [
        ("meta", [a_purchase(1), a_purchase(2), a_purchase(1), a_purchase(3, event_time=1)]),
        ("meta", [a_purchase(4, custom={"value": 7, "currency": "eur"})]),
        ("meta", [a_purchase(5, event_name="Lead", custom={"value": 5, "currency": "USD"})]),
        ("meta", [a_purchase(6, event_name="Own name")]),
        ("tiktok", [a_payment(1), a_payment(2, event="Purchase"), a_payment(1)]),
        ("tiktok", [a_payment(3, event="AddToCart"), a_payment(4, timestamp="never")]),
    ]
    expected = {
        ("facebook", "checkout.complete"): 3,
        ("facebook", "form.submission"): 1,
        ("facebook", "custom"): 1,
        ("tiktok", "purchase"): 2,
        ("tiktok", "cart.add"): 1,
    }
    money = {"USD": "200.40", "EUR": "7.00", "JPY": "11961.00"}

    for _ in range(2):
        await send(system.url_of("gateway"), calls, key=_TOKEN)

        assert await counts(system) == expected
        assert {code: f"{float(it):.2f}" for code, it in (await revenue(system)).items()} == money
    channel = await system.ask("/reports/events?channel=tiktok.events")
    assert channel["totalEvents"] == 3


async def test_deliveries_are_reported_once(system: WholeSystem) -> None:
    expected = {  # and no comment of Facebook's, which the sample takes back
        ("facebook", "page.like"): 1,
        ("facebook", "form.submission"): 2,
        ("tiktok", "comment"): 1,
        ("tiktok", "purchase"): 1,
    }
    for _ in range(2):
        answers = [await post(system, number) for number in (1, 2, 3, 5, 6, 7, 9)]

        assert {answer.status_code for answer in answers} == {200}
        assert await counts(system) == expected


async def deliver(system: WholeSystem, *values: dict[str, Any]) -> httpx.Response:
    """Send changes of a Page's feed as Meta does."""
    changes = [{"field": "feed", "value": value} for value in values]
    body = json.dumps({"object": "page", "entry": [{"id": "1", "changes": changes}]}).encode()
    signature = hmac.digest(_SECRETS["META_APP_SECRETS"].encode(), body, "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    async with httpx.AsyncClient(base_url=system.url_of("gateway")) as client:
        return await client.post("/webhooks/meta", content=body, headers=headers)


async def test_what_is_taken_back_is_not_reported_whichever_came_first(
    system: WholeSystem,
) -> None:
    now = int(datetime.now(UTC).timestamp())
    kept, before, after = (
        {"item": "comment", "verb": "add", "comment_id": f"9_{name}", "created_time": now}
        for name in ("kept", "before", "after")
    )
    like = {"item": "reaction", "reaction_type": "like", "verb": "add", "post_id": "1_9"}
    liked = {**like, "created_time": now, "from": {"id": "77"}}
    other = {**liked, "from": {"id": "78"}}

    def removed(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "verb": "remove", "created_time": now + 5}

    for values in ([removed(before), kept, after, liked, other], [before], [removed(after)]):
        await deliver(system, *values)
        await system.drained()
    await deliver(system, removed(liked))

    assert await counts(system) == {("facebook", "comment"): 1, ("facebook", "page.like"): 1}
    await deliver(system, before, after, liked)
    assert await counts(system) == {("facebook", "comment"): 1, ("facebook", "page.like"): 1}


async def test_order_reported_through_both_platforms_is_a_row_of_each(
    system: WholeSystem,
) -> None:
    now = int(datetime.now(UTC).timestamp())
    to_meta = {
        "event_name": "Purchase",
        "event_time": now,
        "event_id": "m-1",
        "custom_data": {"value": 10, "currency": "EUR", "order_id": "order-1"},
    }
    to_tiktok = {
        "event": "CompletePayment",
        "event_time": now,
        "event_id": "t-1",
        "properties": {"value": 10, "currency": "EUR", "order_id": "order-1"},
    }
    headers = {"Access-Token": _TOKEN, "Authorization": f"Bearer {_TOKEN}"}
    async with httpx.AsyncClient(base_url=system.url_of("gateway"), headers=headers) as client:
        await client.post("/v25.0/1/events", json={"data": [to_meta]})
        await client.post("/open_api/v1.3/event/track/", json={"data": [to_tiktok]})

    assert await counts(system) == {
        ("facebook", "checkout.complete"): 1,
        ("tiktok", "purchase"): 1,
    }
    rows = await system.fetch("SELECT source, order_id FROM stored_events ORDER BY source")
    assert [tuple(row) for row in rows] == [("facebook", "order-1"), ("tiktok", "order-1")]


async def test_nothing_personal_is_kept_anywhere(system: WholeSystem, folder: Path) -> None:
    now = int(datetime.now(UTC).timestamp())
    good = {"event_name": "Purchase", "event_time": now, "event_id": "p", "user_data": _PERSONAL}
    bad = {"event_name": "Purchase", "event_time": "never", "user_data": _PERSONAL}
    comment = {
        "item": "comment",
        "verb": "add",
        "comment_id": "9_7",
        "created_time": now,
        "message": "TextOfThisTest",
        "from": {"id": "770000000000777", "name": "Anna Kovalenko"},
    }
    refused = {"access_token": f"{_TOKEN}X", "data": [good]}
    async with httpx.AsyncClient(base_url=system.url_of("gateway")) as client:
        answers = [
            await client.post(
                f"/v25.0/1/events?access_token={_TOKEN}", json={"data": [good, bad, _PERSONAL]}
            ),
            await deliver(system, comment, {**comment, "comment_id": None}),
            await client.post("/v25.0/1/events", json=refused),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert await counts(system) == {
        ("facebook", "checkout.complete"): 1,
        ("facebook", "comment"): 1,
    }
    words = [*_PERSONAL.values(), "Kovalenko", "TextOfThisTest", "770000000000777", _TOKEN]
    words += _SECRETS.values()
    kept = await rows_of(system)
    assert b"checkout.complete" in kept
    assert b"AWAITING" not in kept
    found = [word for word in words if word.encode() in kept]
    assert found == []
    assert list(await asyncio.to_thread(files_with, folder / "data", words)) == []


async def rows_of(system: WholeSystem) -> bytes:
    """Read every row of every table, blocks uncompressed."""
    tables = await system.fetch(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
    )
    found = []
    for (table,) in tables:
        for row in await system.fetch(f"SELECT * FROM {table}"):  # noqa: S608 - its own tables
            found += [plain(value) for value in row]
    return b"\n".join(found)


def plain(value: Any) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zstandard.ZstdDecompressor().decompress(value)
    except zstandard.ZstdError:
        return value


def files_with(folder: Path, words: list[str]) -> Iterator[str]:
    """Find words in the files of the data: logs, streams, tables, journals."""
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "secrets.env":
            data = file.read_bytes()
            yield from (f"{file}: {word}" for word in words if word.encode() in data)
