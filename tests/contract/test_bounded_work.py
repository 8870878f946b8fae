"""Repeated statements read no more than they change, however much is stored.

Measured by the pages that PostgreSQL reads, not by the clock.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from runtime.postgres.ledger import LEDGER_IMBALANCE, PRUNE_ANNOUNCED, PRUNE_ENVELOPES
from runtime.postgres.reporting.cities import ALL_USERS, FIRST_CITIES
from runtime.postgres.storing.store import SHRINK_HOURS, SHRINK_LONGER
from runtime.postgres.storing.user_rollups import name_key

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
    INSERT INTO user_rollups
        (bucket, granularity, figure, name_key, number, smallest, largest, total, name)
    VALUES ('2024-01-15 12:00:00+00', 'hour', 'followers', $1, 400000, 100000, 999999, 0, '6')
"""
_TOLD = """
    INSERT INTO announced_envelopes (id, minute, instance, events, sequence, source, rejected)
    SELECT id, now(), id, 1, 7, 'facebook', false
    FROM (
        (SELECT id FROM envelopes LIMIT 100)
        UNION ALL
        SELECT gen_random_uuid() FROM generate_series(1, 50)
    ) AS each
"""
_COUNTRIES = """
    INSERT INTO user_rollups (bucket, granularity, figure, name_key, number, total, name)
    SELECT
        timestamptz '2024-01-01 00:00:00+00' + piece * ('1 ' || $1::text)::interval,
        $1::text::granularity, 'country', gen_random_uuid(), 1, 0, country::text
    FROM generate_series(0, 23) AS piece, generate_series(1, 4000) AS country
"""
_PIECES = """
    INSERT INTO user_rollups
        (bucket, granularity, figure, name_key, number, smallest, largest, total, name)
    SELECT
        timestamptz '2024-01-01 00:00:00+00' + piece * ('1 ' || $3::text)::interval,
        $3::text::granularity, 'followers'::user_rollup_kind, $1::uuid,
        1, 100001 + piece, 500000 + piece, 0, '6'
    FROM generate_series(0, 23) AS piece
    UNION ALL
    SELECT '2024-01-01 00:00:00+00', $2::text::granularity,
        'followers', $1::uuid, 24, 1, 999999, 0, '6'
"""
_CITIES = """
    INSERT INTO user_cities (users, lone_at, shared, country, city)
    SELECT
        1, timestamptz '2024-01-01 00:00:00+00' + number * interval '2 minutes', 0,
        'Ukraine', md5(number::text)
    FROM generate_series(1, 200000) AS number
"""
_MOST_PAGES = 60
_PAGES_A_KEY = 10
"""At most: from the root of an index to a row."""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def pages_read(connection: asyncpg.Connection, statement: str, *values: Any) -> int:
    """Return how many pages a statement touches; it is executed."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    [record] = await connection.fetch(explain, *values)
    plan = json.loads(record[0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_after_a_fortnight_pruning_reads_what_it_deletes(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_FORTNIGHT)
    await connection.execute("ANALYZE envelopes")
    deleted = await connection.fetchval(PRUNE_ENVELOPES, 5_000)
    while deleted:  # the first week, as it was archived day by day
        last, deleted = deleted, await connection.fetchval(PRUNE_ENVELOPES, 5_000)
    assert last
    await connection.execute("VACUUM envelopes")
    await connection.execute(
        "INSERT INTO envelopes SELECT gen_random_uuid(), now() FROM generate_series(1, 160 * 5)"
    )

    pages = await pages_read(connection, PRUNE_ENVELOPES, 5_000)

    assert await connection.fetchval("SELECT count(*) FROM envelopes") > 7 * 24 * 1190
    assert pages < _MOST_PAGES


async def test_announced_envelopes_are_pruned_without_reading_a_fortnight(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_FORTNIGHT)
    await connection.execute(_TOLD)
    await connection.execute("ANALYZE envelopes")

    imbalance_pages = await pages_read(connection, LEDGER_IMBALANCE, "facebook")
    pages = await pages_read(connection, PRUNE_ANNOUNCED)

    told = await connection.fetchval("SELECT count(*) FROM announced_envelopes")
    table_pages = await connection.fetchval("SELECT pg_relation_size('envelopes') / 8192")
    assert told == 50
    assert max(pages, imbalance_pages) < _PAGES_A_KEY * 150 < table_pages


async def test_the_ends_of_a_great_hour_are_found_at_once(connection: asyncpg.Connection) -> None:
    await connection.execute(_USERS)
    await connection.execute(_FIGURE, UUID(bytes=name_key("6")))
    await connection.execute("ANALYZE users")
    hour = await connection.fetchval("SELECT bucket FROM user_rollups")

    lost = ([hour], [UUID(bytes=name_key("6"))], [6], [100_000], [999_999])
    pages = await pages_read(connection, SHRINK_HOURS, *lost)

    ends = await connection.fetchrow("SELECT smallest, largest FROM user_rollups")
    assert ends is not None
    assert tuple(ends) == (100_001, 500_000)
    assert pages < _MOST_PAGES


@pytest.mark.parametrize(("longer", "shorter"), [("day", "hour"), ("month", "day")])
async def test_the_ends_of_a_day_are_found_between_all_its_countries(
    connection: asyncpg.Connection, longer: str, shorter: str
) -> None:
    key = UUID(bytes=name_key("6"))
    await connection.execute(_COUNTRIES, shorter)
    await connection.execute(_PIECES, key, longer, shorter)
    await connection.execute("ANALYZE user_rollups")
    bucket = await connection.fetchval(
        "SELECT bucket FROM user_rollups WHERE granularity::text = $1", longer
    )

    lost = ([bucket], [key], [1], [999_999])
    pages = await pages_read(connection, SHRINK_LONGER, longer, shorter, *lost)

    ends = await connection.fetchrow(
        "SELECT smallest, largest FROM user_rollups WHERE granularity::text = $1", longer
    )
    assert ends is not None
    assert tuple(ends) == (100_001, 500_023)
    assert pages < _PAGES_A_KEY * 31


async def test_the_first_cities_of_a_range_are_found_without_reading_the_others(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_CITIES)
    await connection.execute("VACUUM ANALYZE user_cities")
    start, end = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)

    pages = await pages_read(connection, FIRST_CITIES, start, end, 10)

    assert len(await connection.fetch(FIRST_CITIES, start, end, 10)) == 10
    assert pages < _MOST_PAGES


async def test_that_a_range_has_all_users_is_known_from_the_first_and_the_last(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_USERS)
    await connection.execute("VACUUM ANALYZE users")
    start, end = datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 1, 16, tzinfo=UTC)

    pages = await pages_read(connection, ALL_USERS, start, end)

    assert await connection.fetchval(ALL_USERS, start, end)
    assert pages < _MOST_PAGES
