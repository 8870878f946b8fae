"""``eps export`` on a real database: every event once, whatever the format."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import pyarrow.parquet as pq
import pytest

from functions.parameters import Period
from runtime.archiving import pages
from runtime.archiving.pages import read_pages
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import NOON, a_row, a_sale
from tests.truth.payloads import stored_texts

HOUR = timedelta(hours=1)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


def export(database_url: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", "export", *arguments],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        check=False,
        timeout=60,
    )


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_lines_are_the_events_as_they_came(pool: asyncpg.Pool, database_url: str) -> None:
    rows = [
        a_row("2", occurred_at=NOON + HOUR, payload='{"a":\r\n 1.0}'),
        a_row("1", payload='{"b": "\\u00e9я"}'),
        a_row("3", source="tiktok", occurred_at=NOON + 2 * HOUR),
    ]
    await PostgresEventStore(pool).store(rows)

    done = export(database_url, "--to", "2024-01-01T14:00:00Z")

    assert done.stdout.decode().split("\n") == ['{"b": "\\u00e9я"}', '{"a":   1.0}', ""]
    assert done.stderr == b"2 events\n"
    assert done.returncode == 0


async def test_a_spreadsheet_takes_no_text_for_a_formula(
    pool: asyncpg.Pool, database_url: str
) -> None:
    await PostgresEventStore(pool).store(
        [a_sale("12.50", "=1+1", campaign_id="@x", payload="\t{}"), a_row("+2", source="tiktok")]
    )

    done = export(database_url, "--format", "csv", "--source", "FACEBOOK")

    [row] = csv.DictReader(io.StringIO(done.stdout.decode(), newline=""))
    assert (row["event_id"], row["campaign_id"], row["payload"]) == ("'=1+1", "'@x", "'\t{}")
    assert (row["occurred_at"], row["revenue"]) == ("2024-01-01T12:00:00Z", "12.500000")


async def test_parquet_has_all_that_is_stored(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await PostgresEventStore(pool).store([a_sale("12.50", "1"), a_row("2", source="tiktok")])
    file = tmp_path / "events.parquet"

    done = export(database_url, "--format", "parquet", "--output", str(file))

    assert done.returncode == 0, done.stderr
    kept = await pool.fetch("SELECT * FROM stored_events ORDER BY occurred_at, id")
    texts = {key: texts for key, *texts in await stored_texts(pool.fetch)}
    rows = pq.read_table(file).to_pylist()
    assert [(row.pop("event_id"), row.pop("payload")) for row in rows] == [
        tuple(texts[row["id"]]) for row in kept
    ]
    assert rows == [{name: row[name] for name in rows[0]} for row in kept]
    assert Decimal("12.5") in [row["revenue"] for row in rows]
    assert modes_in(tmp_path) == {"events.parquet": 0o600}


async def test_a_bad_range_is_wrong_usage(database_url: str) -> None:
    done = export(database_url, "--from", "2024-02-30", "--to", "yesterday")

    assert done.returncode == 2
    assert b"from: " in done.stderr
    assert b"to: " in done.stderr


async def test_pages_hold_each_event_once_however_many_have_one_time(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_PAGE_ROWS", 7)
    rows = [a_row(str(n), occurred_at=NOON + n // 10 * HOUR) for n in range(40)]
    await PostgresEventStore(pool).store(rows)

    found = [len(page) async for page in read_pages(pool, Period(None, None), None)]

    assert found == [7, 7, 7, 7, 7, 5]


async def test_large_events_come_in_small_pages(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_PAGE_BYTES", 1_000)
    large = json.dumps("x" * 5_000)
    sizes = {1: large, 2: large}
    rows = [
        a_row(str(n), occurred_at=NOON + n * HOUR, payload=sizes.get(n, "{}")) for n in range(5)
    ]
    await PostgresEventStore(pool).store(rows)

    found = [len(page) async for page in read_pages(pool, Period(None, None), None)]

    assert found == [2, 1, 2]
