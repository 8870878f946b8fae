"""Payloads in blocks on a real database."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.payloads import unpack
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import NOON, a_row
from tests.truth.payloads import stored_texts

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


def show_payload(database_url: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", "payload", *arguments],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        check=False,
        timeout=60,
    )


async def blocks_of(pool: asyncpg.Pool) -> list[list[str]]:
    found = await pool.fetch("SELECT data FROM payload_blocks ORDER BY id")
    return [list(unpack(data)) for (data,) in found]


async def test_a_block_has_events_of_one_source_and_one_day(pool: asyncpg.Pool) -> None:
    before, after = MIDNIGHT - timedelta(microseconds=1), MIDNIGHT
    rows = [
        a_row("fb-1", occurred_at=before),
        a_row("fb-2", occurred_at=after),
        a_row("ttk-1", occurred_at=before, source="tiktok"),
        a_row("fb-3", occurred_at=before - timedelta(hours=1)),
    ]

    await PostgresEventStore(pool).store(rows)

    assert sorted(sorted(texts[::2]) for texts in await blocks_of(pool)) == [
        ["fb-1", "fb-3"],
        ["fb-2"],
        ["ttk-1"],
    ]
    last = await pool.fetch("SELECT last_at FROM payload_blocks ORDER BY last_at")
    assert [last_at for (last_at,) in last] == [before, before, after]


async def test_a_block_is_bounded(pool: asyncpg.Pool) -> None:
    large = '"' + "x" * 200_000 + '"'
    rows = [a_row(f"small-{number}") for number in range(1_001)]
    rows += [a_row(f"large-{number}", payload=large) for number in range(3)]

    await PostgresEventStore(pool).store(rows)

    sizes = Counter(len(texts) // 2 for texts in await blocks_of(pool))
    assert sizes[500] == 2
    assert sum(size * number for size, number in sizes.items()) == 1_004
    kept = {event_id: payload for _, event_id, payload in await stored_texts(pool.fetch)}
    assert kept == {row.event_id: row.payload for row in rows}


async def test_a_request_arrives_once_in_a_block(pool: asyncpg.Pool) -> None:
    first = [a_row(correlation_id="first", stream_sequence=1) for _ in range(60)]
    second = [a_row(correlation_id="second", stream_sequence=2) for _ in range(60)]

    await PostgresEventStore(pool).store([*first, *second])

    arrivals = await pool.fetch(
        "SELECT correlation_id, stream_sequence, count(*) FROM stored_events GROUP BY 1, 2"
    )
    assert sorted(map(tuple, arrivals)) == [("first", 1, 60), ("second", 2, 60)]
    assert await pool.fetchval("SELECT count(*) FROM arrivals") == 2


async def test_the_newest_events_have_their_own_ids(pool: asyncpg.Pool) -> None:
    rows = [a_row(str(n), occurred_at=NOON + timedelta(seconds=n)) for n in range(9)]
    store = PostgresEventStore(pool)
    await store.store(rows[::2])
    await store.store(rows[1::2])

    newest = await PostgresTrails(pool).find_newest(limit=7)

    assert [event.event_id for event in newest] == ["8", "7", "6", "5", "4", "3", "2"]


async def test_one_command_prints_an_event_unchanged(pool: asyncpg.Pool, database_url: str) -> None:
    await PostgresEventStore(pool).store([a_row("fb-1", payload='{"a":  "я"}'), a_row("fb-2")])

    found, missing = [
        show_payload(database_url, source, "fb-1") for source in ("Facebook", "tiktok")
    ]

    assert (found.returncode, found.stdout.decode()) == (0, '{"a":  "я"}\n')
    assert missing.returncode == 1
    assert missing.stderr == b"Error: no event of tiktok with this id is stored\n"
