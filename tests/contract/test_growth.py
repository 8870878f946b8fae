"""How long the disk will last, computed on a real database."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from functions.messages import EnvelopeOutcome
from runtime.postgres.growth import Growth, disk_days, measure_growth
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import a_row, an_envelope


@pytest.mark.parametrize(
    ("growth", "disk_bytes", "days"),
    [
        (Growth(10**9, 10**6, 10**6), 25 * 10**9, 1.0),
        (Growth(10**9, 10**6, 500), 10**9, 0.0),
        (Growth(10**9, 10**6, 500), 10**8, 0.0),
        (Growth(10**9, 10**6, 0), 10**10, None),
        (Growth(8 * 10**6, 20, 20), 10**10, None),
    ],
)
def test_days_are_told_by_the_bytes_of_an_event(
    growth: Growth, disk_bytes: int, days: float | None
) -> None:
    assert growth.days_left(disk_bytes) == days


async def test_the_hour_until_now_counts_or_the_last_one_that_had_events(
    database_url: str,
) -> None:
    minute = (datetime.now(UTC) - timedelta(hours=5)).replace(second=0, microsecond=0)
    async with opened(DatabaseSettings(database_url=SecretStr(database_url)), "test") as pool:
        store = PostgresEventStore(pool)
        await store.settle([EnvelopeOutcome(an_envelope(2, minute=minute), [a_row(), a_row()])])
        await store.settle(
            [EnvelopeOutcome(an_envelope(1, minute=minute - timedelta(minutes=59)), [a_row()])]
        )
        await store.settle(
            [EnvelopeOutcome(an_envelope(1, minute=minute - timedelta(minutes=60)), [a_row()])]
        )

        assert (await measure_growth(pool)).stored == 0
        assert (await measure_growth(pool, last=True)).stored == 3
        assert (await measure_growth(pool)).size_bytes > 1024**2


async def test_nobody_can_tell_of_a_database_that_is_away_or_empty(database_url: str) -> None:
    assert await disk_days("postgresql://127.0.0.1:1/none", 10**9) is None
    assert await disk_days(database_url, 10**9) is None
    connection = await asyncpg.connect(database_url)
    assert (await measure_growth(connection)).stored == 0
    await connection.close()
