"""A user who is erased: attributes and payloads are gone, counts are as before."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from functions.events.rows import user_key
from functions.fb_collector.handler import handle as collect_facebook
from functions.reporter.demographics_report import handle_demographics
from functions.reporter.handler import to_json
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.archiving.places import Folder
from runtime.archiving.retaining import known_days, restore
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import opened
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.erasing import ERASED, Erased, erase, erase_requested
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import (
    a_facebook_event,
    a_letter,
    a_part,
    a_record,
    a_tiktok_event,
    letters_of,
    raw,
    records,
)
from tests.contract.test_archive import let_go, silent
from tests.contract.test_reports_oracle import START
from tests.truth.recomputation import differences

SECRET = "user-secret-1"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


async def people(pool: asyncpg.Pool) -> Any:
    return json.loads(to_json(await handle_demographics([], reports=PostgresReports(pool))))


async def payloads(pool: asyncpg.Pool, *event_ids: str) -> list[str]:
    trails = PostgresTrails(pool)
    found = [await trails.find_event("facebook", event_id) for event_id in event_ids]
    return [event.payload for event in found if event]


async def test_attributes_and_payloads_go_and_counts_stay(pool: asyncpg.Pool) -> None:
    store = PostgresEventStore(pool)
    mine = [raw(a_facebook_event(eventId=f"m-{n}", user={"userId": SECRET})) for n in range(3)]
    other = raw(a_facebook_event(eventId="other", user={"userId": "else", "age": 40}))
    await collect_facebook([a_part(*mine, other)], store=store)
    before = await people(pool)

    dry = await erase(pool, "facebook", user_id=SECRET, dry_run=True)
    assert await people(pool) == before
    erased = await erase(pool, "facebook", user_id=SECRET)

    assert erased == dry == Erased(events=3, letters=0)
    assert await payloads(pool, "m-0", "m-1", "m-2", "other") == [*[ERASED] * 3, other.decode()]
    assert await differences(pool.fetch) == {}
    after = await people(pool)
    assert (after["totalUsers"], before["totalUsers"]) == (2, 2)
    assert after["facebook"]["unknown"] == {"age": 1, "gender": 1, "place": 1}
    assert after["facebook"]["cities"] == [{"country": "Ukraine", "city": "Kyiv", "users": 1}]
    assert [tuple(it) for it in await pool.fetch("SELECT events, letters FROM erasures")] == [
        (3, 0)
    ]
    again = await erase(pool, "facebook", user_id=SECRET)
    assert again.events == 3


async def test_followers_go_with_their_extremes(pool: asyncpg.Pool) -> None:
    store = PostgresEventStore(pool)
    events = [a_tiktok_event(user={"userId": name, "followers": number})
              for name, number in ((SECRET, 999), ("else", 500))]  # fmt: skip
    await collect_tiktok([a_part(*map(raw, events))], store=store)

    await erase(pool, "tiktok", key=user_key("tiktok", SECRET))

    assert await differences(pool.fetch) == {}
    tiktok = (await people(pool))["tiktok"]
    assert (tiktok["followers"]["max"], tiktok["unknown"]) == (500, {"followers": 1})


async def test_dead_letters_lose_their_bytes(pool: asyncpg.Pool) -> None:
    mine = a_letter(payload=raw(a_facebook_event(user={"userId": SECRET, "age": "old"})))
    similar = a_letter(payload=raw(a_facebook_event(user={"userId": SECRET + "0", "age": "old"})))
    await PostgresEventStore(pool).keep([letters_of(mine, similar)])

    assert await erase(pool, "facebook", user_id=SECRET) == Erased(0, 1)

    kept = dict(map(tuple, await pool.fetch("SELECT state, payload FROM dead_letters")))
    assert kept == {"discarded": ERASED.encode(), "open": similar.payload}


async def test_requests_of_platforms_are_done_once(pool: asyncpg.Pool) -> None:
    store, key = PostgresEventStore(pool), "ab" * 16
    await collect_facebook([records(a_record(eventId="e-1", userKey=key))], store=store)
    await collect_facebook([records(a_record("erasure", userKey=key))], store=store)

    assert await erase_requested(pool) == [Erased(events=1, letters=0)]
    assert await erase_requested(pool) == []

    assert await payloads(pool, "e-1") == [ERASED]
    assert await differences(pool.fetch) == {}
    assert await pool.fetchval("SELECT done_at IS NOT NULL FROM erasures")


async def test_a_restored_day_honours_an_erasure(pool: asyncpg.Pool, tmp_path: Path) -> None:
    store, place = PostgresEventStore(pool), Folder(tmp_path)
    events = [a_facebook_event(eventId=name, timestamp=START.isoformat(), user={"userId": name})
              for name in (SECRET, "else")]  # fmt: skip
    await collect_facebook([a_part(*map(raw, events))], store=store)
    await let_go(pool, place, START.replace(day=20))

    assert (await erase(pool, "facebook", user_id=SECRET)).events == 0
    for day in await known_days(pool, None, None):
        await restore(pool, place, day, silent)

    assert await payloads(pool, SECRET, "else") == [ERASED, raw(events[1]).decode()]
