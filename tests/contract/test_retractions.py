"""Events that are taken back: out of every report, once, whichever of the two comes first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from functions.collecting import row_of
from functions.events.rows import EventRow
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import AcceptedBatch, DeadLetter
from functions.operator.replay import handle_replay
from functions.reporter.demographics_report import handle_demographics
from functions.reporter.events_report import handle_events
from functions.reporter.revenue_report import handle_revenue
from runtime.bus.replaying import read_envelope
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import opened
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.store import PostgresEventStore, store_within
from runtime.settings import DatabaseSettings
from tests.builders import (
    NOON,
    a_facebook_event,
    a_letter,
    a_part,
    a_purchase,
    a_record,
    an_envelope,
    letters_of,
    raw,
    records,
)
from tests.truth.recomputation import differences

USER = "ab" * 16


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


async def collect(pool: asyncpg.Pool, *parts: AcceptedBatch) -> tuple[int, int]:
    collected = await collect_facebook(parts, store=PostgresEventStore(pool))
    assert (collected.rejected, collected.refused) == (0, 0)
    return collected.stored, collected.duplicates


async def told(pool: asyncpg.Pool, **params: str) -> tuple[int, str | None, int]:
    reports, asked = PostgresReports(pool), list(params.items())
    events = await handle_events(asked, reports=reports)
    revenue = await handle_revenue(asked, reports=reports)
    people = await handle_demographics(asked, reports=reports)
    assert len(revenue.top_campaigns) == len(revenue.revenue)
    return events.total_events, revenue.total_revenue, people.total_users


def a_sale(number: int, **fields: Any) -> dict[str, Any]:
    return a_purchase("10", eventId=f"e-{number}", campaignId="c-1", **fields)


def taking_back(*numbers: int) -> list[dict[str, Any]]:
    return [
        a_record("retraction", eventId=f"r-{number}", retractedId=f"e-{number}")
        for number in numbers
    ]


@pytest.mark.parametrize("order", ["event first", "retraction first", "together", "reversed"])
async def test_a_retracted_event_is_in_no_report(pool: asyncpg.Pool, order: str) -> None:
    sale, (retraction,) = a_sale(1, userKey=USER), taking_back(1)
    parts = {
        "event first": [records(sale), records(retraction)],
        "retraction first": [records(retraction), records(sale)],
        "together": [records(sale, retraction)],
        "reversed": [records(retraction, sale)],
    }[order]

    for part in parts:
        await collect(pool, replace(part, envelope=an_envelope(len(part.events))))

    assert await told(pool) == (0, "0.00", 0)
    assert await differences(pool.fetch) == {}
    assert await pool.fetchval("SELECT count(*) FROM retracted_events") == 1
    assert tuple(
        *await pool.fetch("SELECT sum(counted), sum(stored), sum(duplicates) FROM ledger")
    ) == (2, 2, 0)


async def test_others_stay_in_their_period(pool: asyncpg.Pool) -> None:
    sales = [
        a_sale(1, userKey=USER, timestamp="2024-01-01T12:00:00Z"),
        a_sale(2, userKey=USER, timestamp="2024-01-02T12:00:00Z"),
        a_sale(3, userKey=USER, timestamp="2024-01-03T12:00:00Z"),
    ]
    await collect(pool, records(*sales))

    await collect(pool, records(*taking_back(1)))

    assert await told(pool, to="2024-01-01") == (0, "0.00", 0)
    assert await told(pool, **{"from": "2024-01-02", "to": "2024-01-02"}) == (1, "10.00", 1)
    assert await told(pool) == (2, "20.00", 1)
    assert await differences(pool.fetch) == {}


async def test_nothing_is_taken_back_twice(pool: asyncpg.Pool) -> None:
    sales, retraction = records(a_sale(1), a_sale(2)), records(*taking_back(1))

    assert await collect(pool, sales) == (2, 0)
    assert await collect(pool, retraction) == (1, 0)
    assert await collect(pool, retraction) == (0, 1)
    assert await collect(pool, sales) == (0, 2)
    assert await collect(pool, retraction, sales, retraction) == (0, 4)
    second = a_record("retraction", eventId="another", retractedId="e-1")
    assert await collect(pool, records(second)) == (1, 0)

    assert await told(pool) == (1, "10.00", 0)
    assert await differences(pool.fetch) == {}


async def test_native_events_are_never_taken_back(pool: asyncpg.Pool) -> None:
    native = raw(a_facebook_event(eventId="e-1"))
    await collect(pool, a_part(native), records(*taking_back(1)))

    assert (await told(pool))[0] == 1
    assert await collect(pool, records(a_sale(1))) == (0, 1)


async def test_a_retraction_takes_back_events_of_its_own_source_alone(pool: asyncpg.Pool) -> None:
    await collect(pool, records(a_sale(1)))
    other = a_record("retraction", retractedId="e-1", source="tiktok")
    letter: DeadLetter = a_letter(payload=raw(other), channel="tiktok.shop", source="tiktok")
    await PostgresEventStore(pool).keep([letters_of(letter)])

    replayed = await handle_replay(
        [], letters=PostgresDeadLetters(pool), read_envelope=read_envelope, correlation_id="x"
    )

    assert (replayed.replayed, replayed.stored) == (1, 1)
    assert (await told(pool))[0] == 1


async def test_a_replayed_retraction_takes_back(pool: asyncpg.Pool) -> None:
    await collect(pool, records(a_sale(1), a_sale(2)))
    letter = a_letter(payload=raw(taking_back(1)[0]), channel="meta.webhook")
    await PostgresEventStore(pool).keep([letters_of(letter)])

    for _ in range(2):
        await handle_replay(
            [], letters=PostgresDeadLetters(pool), read_envelope=read_envelope, correlation_id="x"
        )

    assert await told(pool) == (1, "10.00", 0)
    assert await differences(pool.fetch) == {}


async def test_a_retraction_waits_for_its_event_that_is_being_stored(pool: asyncpg.Pool) -> None:
    part = records(a_sale(1))
    row = row_of(part, part.events[0])
    assert isinstance(row, EventRow)
    async with pool.acquire() as other:
        async with other.transaction():
            await store_within(other, [row], [])
            retracting = asyncio.create_task(collect(pool, records(*taking_back(1))))
            await asyncio.wait([retracting], timeout=1)
            assert not retracting.done()
        await retracting

    assert await told(pool) == (0, "0.00", 0)


async def test_the_trail_says_that_an_event_was_taken_back(pool: asyncpg.Pool) -> None:
    trails = PostgresTrails(pool)
    await collect(pool, records(a_sale(1), a_sale(2)))
    (retraction,) = taking_back(1)
    await collect(pool, records(retraction | {"timestamp": "2024-01-02T00:00:00Z"}))

    gone, kept = [await trails.find_event("facebook", f"e-{number}") for number in (1, 2)]

    assert gone
    assert kept
    assert (gone.channel, gone.retracted_at) == ("meta.conversions", NOON + timedelta(hours=12))
    assert gone.payload == raw(a_sale(1)).decode()
    assert kept.retracted_at is None


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_order_and_at_once_all_figures_are_those_of_the_rest(
    pool: asyncpg.Pool, seed: int
) -> None:
    """Events and retractions of few users at few moments, in several collectors, often again."""
    dice = Random(seed)
    moments = [NOON + timedelta(seconds=dice.randrange(4 * 3600)) for _ in range(40)]
    await pool.execute("UPDATE second_horizon SET complete_from = $1", NOON)
    sales = [
        a_sale(
            number,
            timestamp=dice.choice(moments).isoformat(),
            **({"userKey": f"{dice.randrange(12):032x}"} if dice.random() < 0.8 else {}),
        )
        for number in range(150)
    ]
    gone = dice.sample(range(150), 60)
    given = [*sales, *taking_back(*gone)] * 2
    dice.shuffle(given)
    batches = [given[start : start + 15] for start in range(0, len(given), 15)]

    async def deliver(lane: Sequence[Sequence[dict[str, Any]]]) -> None:
        for batch in lane:
            await collect(pool, records(*batch))

    await asyncio.gather(*(deliver(batches[lane::3]) for lane in range(3)))

    assert await pool.fetchval("SELECT count(*) FROM events") == 90
    assert await pool.fetchval("SELECT count(*) FROM retracted_events") == 60
    assert await differences(pool.fetch) == {}
    users = {sale["userKey"] for number, sale in enumerate(sales)
             if number not in gone and "userKey" in sale}  # fmt: skip
    assert await told(pool) == (90, "900.00", len(users))
