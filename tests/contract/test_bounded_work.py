"""What is done again and again reads no more than it changes, however much is stored.

Judged by the pages that PostgreSQL says it read, not by the clock.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from runtime.postgres.ledger import PRUNE_ENVELOPES
from runtime.postgres.store import SHRINK_HOURS
from runtime.postgres.user_figures import name_key

_FORTNIGHT = """
    INSERT INTO envelopes (id, settled_at)
    SELECT gen_random_uuid(), now() - interval '14 days' + number * interval '3 seconds'
    FROM generate_series(1, 14 * 24 * 1200) AS number
"""
_USERS = """
    INSERT INTO users (key, first_at, newest_at, newest_id, followers, source)
    SELECT gen_random_uuid(), at, at, gen_random_uuid(), 100000 + number, 'tiktok'
    FROM generate_series(1, 400000) AS number,
        LATERAL (SELECT timestamptz '2024-01-15 12:00:00+00' + number * interval '5 ms') AS t (at)
"""
_FIGURE = """
    INSERT INTO user_figures
        (bucket, span, figure, name_key, number, smallest, largest, total, name)
    VALUES ('2024-01-15 12:00:00+00', 'hour', 'followers', $1, 400000, 100000, 999999, 0, '6')
"""
_MOST_PAGES = 60


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def pages_read(connection: asyncpg.Connection, statement: str, *values: Any) -> int:
    """Tell how many pages a statement touches; it is carried out."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    [record] = await connection.fetch(explain, *values)
    plan = json.loads(record[0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_after_a_fortnight_pruning_reads_what_it_deletes(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_FORTNIGHT)
    await connection.execute("ANALYZE envelopes")
    deleted = await connection.fetchval(PRUNE_ENVELOPES)
    while deleted:  # the first week, as it went day by day
        last, deleted = deleted, await connection.fetchval(PRUNE_ENVELOPES)
    assert last
    await connection.execute("VACUUM envelopes")
    await connection.execute(
        "INSERT INTO envelopes SELECT gen_random_uuid(), now() FROM generate_series(1, 160 * 5)"
    )

    pages = await pages_read(connection, PRUNE_ENVELOPES)

    assert await connection.fetchval("SELECT count(*) FROM envelopes") > 7 * 24 * 1190
    assert pages < _MOST_PAGES


async def test_the_ends_of_a_great_hour_are_found_at_once(connection: asyncpg.Connection) -> None:
    await connection.execute(_USERS)
    await connection.execute(_FIGURE, UUID(bytes=name_key("6")))
    await connection.execute("ANALYZE users")
    hour = await connection.fetchval("SELECT bucket FROM user_figures")

    lost = ([hour], [UUID(bytes=name_key("6"))], [6], [100_000], [999_999])
    pages = await pages_read(connection, SHRINK_HOURS, *lost)

    ends = await connection.fetchrow("SELECT smallest, largest FROM user_figures")
    assert ends is not None
    assert tuple(ends) == (100_001, 500_000)
    assert pages < _MOST_PAGES
