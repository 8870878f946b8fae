"""PostgreSQL's reports equal a plain reading of the rows."""

import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, get_args

import asyncpg
import pytest

from functions.errors import Unavailable
from functions.events import EVENT_TYPES, REVENUE_TYPES, SOURCES, FunnelStage, Source
from functions.events.rows import EventRow
from functions.parameters import Interval, Period
from functions.reporter.demographics_report import DemographicsQuestion
from functions.reporter.events_report import EventsQuestion
from functions.reporter.figures import EventFigures, RevenueFigures, UserFigures
from functions.reporter.filters import Question
from functions.reporter.handler import Reports
from functions.reporter.revenue_report import RevenueQuestion
from functions.reporter.series import MAX_BUCKETS
from runtime.postgres.ledger import ADVANCE_SECOND_HORIZON, THIN_SECONDS
from runtime.postgres.pool import send_keys_as_bytes
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.store import PostgresEventStore
from tests.doubles.fakes_reports import NOON, FakeReports, a_row, a_sale

STEPS = [
    timedelta(),
    timedelta(microseconds=1),
    timedelta(seconds=59, microseconds=999_999),
    timedelta(minutes=20),
    timedelta(minutes=58, seconds=30),
    timedelta(minutes=59),
]
NAMES = ["a", "B", "b", "Z", "é", "я", "\U0001f600", "￿", "a b"]
ENDS_OF_TIME = [
    datetime(1, 1, 1, microsecond=1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC),
]
BEYOND = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
"""The driver turns these into infinities; they are never stored."""
ZONES = [
    "UTC",
    "Europe/Kyiv",  # where days overlap those of UTC
    "Asia/Kathmandu",  # and hours those of UTC
    "America/St_Johns",
    "Australia/Lord_Howe",  # whose summer time is half an hour
    "Asia/Kolkata",
    "Pacific/Kiritimati",
]
MOVE_HORIZON = "UPDATE second_horizon SET complete_from = $1"
SESSION = {"timezone": "Asia/Kathmandu"}
"""Far from UTC, by a fraction of an hour: a report should not depend on it."""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=2, server_settings=SESSION, init=send_keys_as_bytes
    ) as pool:
        yield pool


async def keep(pool: asyncpg.Pool, rows: Sequence[EventRow]) -> None:
    """Store rows in several batches, and the first of them again at the end."""
    store = PostgresEventStore(pool)
    for start in range(0, len(rows), 90):
        await store.store(rows[start : start + 90])
    await store.store(rows[:90])


@pytest.mark.parametrize("seed", range(6))
async def test_every_answer_is_that_of_a_plain_reading(pool: asyncpg.Pool, seed: int) -> None:
    chance = random.Random(seed)
    rows = [some_row(chance) for _ in range(400)]
    await keep(pool, rows)

    for _ in range(40):
        await agree(PostgresReports(pool), FakeReports(rows), chance)


async def agree(real: Reports, plain: Reports, chance: random.Random) -> None:
    period = some_period(chance)
    for ask in (some_count, some_sum, some_description):
        method, question, bounds = ask(chance, period)
        found, expected = [
            ordered(await getattr(reports, method)(question, **bounds)) for reports in (real, plain)
        ]
        assert found == expected, (question, bounds)


def ordered(figures: EventFigures | RevenueFigures | UserFigures) -> Any:
    """Sort the parts that the contract leaves unordered."""
    match figures:
        case EventFigures(kinds, buckets):
            return sorted(kinds), buckets
        case RevenueFigures(sources, campaigns, buckets):
            return sorted(sources), campaigns, buckets
        case UserFigures(facebook, tiktok):
            return [
                (sorted(facebook.ages), facebook.genders, facebook.countries, facebook.cities),
                (sorted(tiktok.followers), tiktok.countries, tiktok.devices, tiktok.watching),
            ]


def some_row(chance: random.Random) -> EventRow:
    source = chance.choice(SOURCES)
    kinds = [(stage, types) for (of, stage), types in EVENT_TYPES.items() if of == source]
    stage, types = chance.choice(kinds)
    event_type = chance.choice(types)
    facebook, top = source == "facebook", stage == "top"
    sale = event_type == REVENUE_TYPES[source] and chance.random() < 0.9
    return a_row(
        id=chance.randbytes(16),
        occurred_at=some_moment(chance),
        source=source,
        funnel_stage=stage,
        event_type=event_type,
        user_id=f"user-{chance.randrange(60)}",
        revenue=Decimal(chance.randrange(10**9)).scaleb(-6) if sale else None,
        campaign_id=chance.choice(NAMES) if facebook and not top else None,
        age=chance.choice([0, 17, 18, 24, 64, 65, 150]) if facebook else None,
        gender=chance.choice(["male", "female", "non-binary"]) if facebook else None,
        country=chance.choice(NAMES) if facebook else None,
        watch_country=None if facebook or not top else chance.choice(NAMES),
        city=chance.choice(NAMES) if facebook else None,
        followers=None if facebook else chance.choice([0, 999, 1000, 10**6, 2**63 - 1]),
        watch_device=chance.choice(["iOS", "Android", "Desktop"]) if not facebook and top else None,
        watch_seconds=some_watch_time(chance) if not facebook and top else None,
        percentage_watched=chance.randrange(1001) / 10 if not facebook and top else None,
    )


def some_watch_time(chance: random.Random) -> float:
    return chance.choice([0.0, 12.345, 300.0, chance.randrange(10**6) / 1000, 1e300])


def some_moment(chance: random.Random) -> datetime:
    """Times often on the hour or near it, often equal, mostly within some days."""
    if chance.random() < 0.02:
        return chance.choice(ENDS_OF_TIME)
    hours = chance.choice([chance.randrange(6), chance.randrange(24 * 40)])
    return NOON + timedelta(hours=hours) + chance.choice([-1, 1]) * chance.choice(STEPS)


def some_period(chance: random.Random) -> Period:
    start, end = some_moment(chance), some_moment(chance)
    if start == end:
        return Period(start, None)
    return Period(
        chance.choice([min(start, end), min(start, end), None]),
        chance.choice([max(start, end), max(start, end), None]),
    )


Asked = tuple[str, Question, Mapping[str, int]]
"""A method of ``Reports``, and its question."""


def some_count(chance: random.Random, period: Period) -> Asked:
    source, stage, event_type = chance.choice([*kinds(), (None, None, "comment")])
    question = EventsQuestion(
        period,
        source=chance.choice([None, source]),
        funnel_stage=chance.choice([None, stage]),
        event_type=chance.choice([None, event_type]),
        interval=chance.choice([None, *get_args(Interval)]),
        timezone=chance.choice(ZONES),
    )
    return "count_events", question, {"max_buckets": chance.choice([3, MAX_BUCKETS])}


def kinds() -> Iterator[tuple[Source, FunnelStage, str]]:
    for (source, stage), types in EVENT_TYPES.items():
        yield from ((source, stage, event_type) for event_type in types)


def some_sum(chance: random.Random, period: Period) -> Asked:
    question = RevenueQuestion(
        period,
        source=chance.choice([None, *SOURCES]),
        campaign_id=chance.choice([None, None, "none", *NAMES]),
        interval=chance.choice([None, *get_args(Interval)]),
        timezone=chance.choice(ZONES),
        limit=chance.choice([1, 3, 100]),
    )
    return "sum_revenue", question, {"max_buckets": chance.choice([3, MAX_BUCKETS])}


def some_description(chance: random.Random, period: Period) -> Asked:
    source, limit = chance.choice([None, *SOURCES]), chance.choice([1, 3, 100])
    return "describe_users", DemographicsQuestion(period, source=source, limit=limit), {}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
async def test_periods_at_the_ends_of_time_are_exact(pool: asyncpg.Pool, zone: str) -> None:
    moments = [*ENDS_OF_TIME, *(end.replace(minute=30) for end in ENDS_OF_TIME)]
    rows = [a_row(occurred_at=moment) for moment in moments]
    await keep(pool, rows)

    for start, end in product([None, *BEYOND, *moments], repeat=2):
        if start is None or end is None or start < end:
            found, expected = [
                await reports.count_events(
                    EventsQuestion(Period(start, end), interval="hour", timezone=zone),
                    max_buckets=10,
                )
                for reports in (PostgresReports(pool), FakeReports(rows))
            ]
            assert found == expected, (start, end)


async def test_campaigns_of_one_revenue_are_ordered_by_code_points(pool: asyncpg.Pool) -> None:
    await keep(pool, [a_sale("5", campaign_id=name) for name in NAMES])

    figures = await PostgresReports(pool).sum_revenue(
        RevenueQuestion(Period(None, None), limit=4), max_buckets=10
    )

    assert [campaign.campaign_id for campaign in figures.campaigns] == ["B", "Z", "a", "a b"]


async def test_of_two_events_at_one_time_the_greater_id_is_the_newer(pool: asyncpg.Pool) -> None:
    rows = [a_row(id=place.to_bytes(16), user_id="a", age=place) for place in (9, 16, 3)]
    await keep(pool, rows)

    users = await describe(pool, Period(None, None))

    assert [(spread.users, spread.total) for spread in users.facebook.ages] == [(1, 16)]


async def test_a_user_has_the_attributes_of_an_event_after_the_period(pool: asyncpg.Pool) -> None:
    await keep(
        pool,
        [
            a_row(user_id="a", age=20),
            a_row(user_id="a", age=70, occurred_at=NOON + timedelta(days=400)),
            a_row(user_id="b", age=40, occurred_at=NOON + timedelta(days=400)),
        ],
    )

    users = await describe(pool, Period(NOON, NOON + timedelta(hours=1)))

    assert [(spread.users, spread.total) for spread in users.facebook.ages] == [(1, 70)]


async def test_one_user_id_on_two_platforms_is_two_users(pool: asyncpg.Pool) -> None:
    await keep(pool, [a_row(user_id="a"), a_row(user_id="a", source="tiktok")])

    users = await describe(pool, Period(None, None))

    assert len(users.facebook.ages) == len(users.tiktok.followers) == 1


async def describe(pool: asyncpg.Pool, period: Period) -> UserFigures:
    return await PostgresReports(pool).describe_users(DemographicsQuestion(period, limit=10))


@pytest.mark.parametrize("seed", range(3))
async def test_seconds_stay_exact_while_they_are_thinned(pool: asyncpg.Pool, seed: int) -> None:
    chance = random.Random(seed)
    rows = [a_moment(chance, number) for number in range(300)]
    await pool.execute(MOVE_HORIZON, NOON)
    await keep(pool, rows[:100])
    await pool.execute(MOVE_HORIZON, NOON + timedelta(minutes=1))
    await keep(pool, rows[100:200])
    assert await pool.fetchval(THIN_SECONDS, 10) == 10
    await keep(pool, rows[200:])  # a third of them before the horizon

    for _ in range(100):
        start, end = sorted(NOON + timedelta(seconds=chance.uniform(0, 180)) for _ in range(2))
        period = Period(chance.choice([start, start.replace(microsecond=0)]), end)
        for ask in (some_count, some_sum):
            method, question, bounds = ask(chance, period)
            found, expected = [
                ordered(await getattr(reports, method)(question, **bounds))
                for reports in (PostgresReports(pool), FakeReports(rows))
            ]
            assert found == expected, (question, bounds)


def a_moment(chance: random.Random, number: int) -> EventRow:
    """An event within three minutes; half of them are sales."""
    seconds = chance.choice([chance.randrange(180), chance.uniform(0, 179)])
    moment = NOON + timedelta(seconds=seconds)
    return a_sale(str(number), occurred_at=moment) if number % 2 else a_row(occurred_at=moment)


async def test_whole_seconds_are_read_from_their_figures(pool: asyncpg.Pool) -> None:
    late = NOON + timedelta(seconds=10, microseconds=5)
    await pool.execute(MOVE_HORIZON, NOON)
    await keep(pool, [a_sale("1"), a_sale("2", occurred_at=late)])
    await pool.execute("UPDATE second_rollups SET events = 5")

    figures = await PostgresReports(pool).count_events(
        EventsQuestion(Period(NOON, late)), max_buckets=MAX_BUCKETS
    )

    assert [kind.events for kind in figures.kinds] == [5]


async def test_without_a_horizon_no_second_is_counted_and_rows_are_read(
    pool: asyncpg.Pool,
) -> None:
    await pool.execute("TRUNCATE second_horizon")
    await keep(pool, [a_row(occurred_at=NOON), a_row(occurred_at=NOON + timedelta(seconds=1))])

    figures = await PostgresReports(pool).count_events(
        EventsQuestion(Period(NOON, NOON + timedelta(seconds=2))), max_buckets=MAX_BUCKETS
    )

    assert sum(kind.events for kind in figures.kinds) == 2
    assert await pool.fetchval("SELECT count(*) FROM second_rollups") == 0


async def test_the_horizon_of_seconds_only_moves_forward(pool: asyncpg.Pool) -> None:
    ahead = datetime(2200, 1, 1, tzinfo=UTC)
    await pool.execute(MOVE_HORIZON, NOON)
    moved = await pool.fetch(ADVANCE_SECOND_HORIZON)
    again = await pool.fetch(ADVANCE_SECOND_HORIZON)
    await pool.execute(MOVE_HORIZON, ahead)

    assert (len(moved), len(again)) == (1, 0)
    assert await pool.fetch(ADVANCE_SECOND_HORIZON) == []


async def test_whole_hours_are_read_from_their_figures(pool: asyncpg.Pool) -> None:
    await keep(pool, [a_sale("1"), a_sale("2", occurred_at=NOON + timedelta(minutes=90))])
    await pool.execute("DELETE FROM events WHERE occurred_at = $1", NOON)

    figures = await PostgresReports(pool).sum_revenue(
        RevenueQuestion(Period(NOON, NOON + timedelta(minutes=91)), limit=10), max_buckets=10
    )

    assert [source.revenue for source in figures.sources] == [Decimal(3)]


@pytest.mark.parametrize("ask", [some_count, some_sum, some_description])
async def test_a_closed_pool_is_unavailable(database_url: str, ask: Any) -> None:
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    await pool.close()
    method, question, bounds = ask(random.Random(0), Period(None, None))

    with pytest.raises(Unavailable):
        await getattr(PostgresReports(pool), method)(question, **bounds)
