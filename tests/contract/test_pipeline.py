"""The database's figures of the whole pipeline."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from functions.errors import Unavailable
from functions.messages import Backlog, EnvelopeOutcome
from functions.reporter.pipeline import judge
from runtime.postgres.growth import measure_growth
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.reporting.pipeline import PostgresPipeline
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import a_letter, a_row, an_envelope, letters_of


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=SecretStr(database_url)), "test") as pool:
        yield pool


async def test_an_empty_database_has_nothing_amiss(pool: asyncpg.Pool) -> None:
    figures = await PostgresPipeline(pool, 10**12).look()

    assert judge(figures).verdict == "ok"
    assert 0 < figures.store_bytes < 10**12
    assert abs((figures.at - datetime.now(UTC)).total_seconds()) < 60


async def test_events_that_are_missed_are_counted_and_placed(pool: asyncpg.Pool) -> None:
    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0)
    envelope = an_envelope(3, minute=minute)
    await PostgresEventStore(pool).settle([EnvelopeOutcome(envelope, [a_row()], ())])

    figures = await PostgresPipeline(pool, None).look()

    assert figures.missed == 2
    assert figures.first_missed_at == minute
    assert [bucket.accepted for bucket in figures.ledger.buckets] == [3]


async def test_letters_count_by_whose_fault_they_are_and_only_new_ones(
    pool: asyncpg.Pool,
) -> None:
    now = datetime.now(UTC)
    new = [
        a_letter(reason=reason, accepted_at=now)
        for reason in ("rejected", "unreadable", "refused", "summarized")
    ]
    old = replace(new[1], payload=b"old", accepted_at=now - timedelta(minutes=16))
    await PostgresEventStore(pool).keep([letters_of(*new, old)])

    figures = await PostgresPipeline(pool, None).look()

    assert (figures.own_faults, figures.summaries) == (2, 1)


async def test_what_waits_is_told_as_the_collectors_saw_it(pool: asyncpg.Pool) -> None:
    now = datetime.now(UTC)
    seen = Backlog("fb-collector", now, 4, now - timedelta(seconds=40), 1)
    await PostgresLedger(pool, "facebook").note(seen)

    figures = await PostgresPipeline(pool, None).look()

    assert figures.ledger.backlogs == [seen]
    failing = [it.name for it in judge(figures).checks if it.state == "failing"]
    assert failing == ["fb-collector-backlog", "ttk-collector-silence", "dead-letters-silence"]


async def test_freshness_is_of_the_newest_events_that_were_stored_lately(
    pool: asyncpg.Pool,
) -> None:
    now = datetime.now(UTC)
    minute_ago, hour_ago = now - timedelta(minutes=1), now - timedelta(hours=1)
    slow = a_row(accepted_at=now - timedelta(seconds=8), published_at=now, occurred_at=minute_ago)
    future = a_row(accepted_at=hour_ago, published_at=hour_ago, occurred_at=now + timedelta(days=1))
    replayed = a_row(accepted_at=hour_ago, published_at=None, occurred_at=minute_ago)
    nothing = (await PostgresPipeline(pool, None).look()).freshness_seconds

    await PostgresEventStore(pool).store([slow, future, replayed])
    lately = (await PostgresPipeline(pool, None).look()).freshness_seconds
    await pool.execute("UPDATE arrivals SET stored_at = stored_at - interval '6 minutes'")
    long_ago = (await PostgresPipeline(pool, None).look()).freshness_seconds

    assert nothing is None
    assert lately == pytest.approx(8, abs=1)
    assert long_ago is None


async def test_the_disk_lasts_as_long_as_the_metric_says(pool: asyncpg.Pool) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [a_row(f"fb-{number}") for number in range(10_000)]
    await PostgresEventStore(pool).settle(
        [EnvelopeOutcome(an_envelope(10_000, minute=minute), rows)]
    )
    await pool.execute("SELECT pg_stat_force_next_flush()")
    async with asyncio.timeout(10):
        while (await measure_growth(pool)).events < 10_000:
            await asyncio.sleep(0.1)

    figures = await PostgresPipeline(pool, 10**9).look()

    expected = (await measure_growth(pool)).days_left(10**9)
    assert expected is not None
    assert figures.store_days_left == pytest.approx(expected, rel=0.01)
    assert (await PostgresPipeline(pool, None).look()).store_days_left is None


async def test_an_unreachable_database_is_unavailable(pool: asyncpg.Pool) -> None:
    await pool.close()

    with pytest.raises(Unavailable):
        await PostgresPipeline(pool, None).look()
