"""The reporter's answers equal plain SQL over the events, in any order of arrival."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from random import Random
from typing import Any, get_args

import asyncpg
import pytest

from functions.events import (
    facebook,
    tiktok,
)
from functions.fb_collector.handler import handle as collect_facebook
from functions.reporter.demographics_report import handle_demographics
from functions.reporter.events_report import handle_events
from functions.reporter.handler import Reports, to_json
from functions.reporter.revenue_report import handle_revenue
from functions.senders import KINDS, Channel
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.postgres.ledger import THIN_SECONDS
from runtime.postgres.pool import send_keys_as_bytes
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.store import PostgresEventStore
from tests.builders import a_facebook_event, a_part, a_record, a_tiktok_event, raw, records
from tests.truth.oracle import expected
from tests.truth.payloads import make_plain_payloads
from tests.truth.plain_sql import MAKE_FLAT
from tests.truth.questions import (
    Ask,
    Known,
    Question,
    all_users,
    any_events,
    any_revenue,
    any_users,
    distinct,
    hourly_events,
    one_campaign,
    top_campaigns,
    users_of_a_day,
    users_of_a_month,
)

EVENTS = 1_500
BATCH = 100
QUESTIONS = 25
"""Of each kind."""

START = datetime(2024, 2, 12, tzinfo=UTC)
DAYS = 40
NAMES = ["a", "B", "b", "Z", "é", "я", "\U0001f600", "￿", "a b", 'a"b,c', ""]
LONG_NAME = "Llanfair" * 400
FACEBOOK_TYPES = [*get_args(facebook.TopType), *get_args(facebook.BottomType)]
TIKTOK_TYPES = [*get_args(tiktok.TopType), *get_args(tiktok.BottomType)]
ASKS: list[Ask] = [
    any_events,
    hourly_events,
    any_revenue,
    one_campaign,
    top_campaigns,
    all_users,
    users_of_a_month,
    users_of_a_day,
    any_users,
]
MOVE_HORIZON = "UPDATE second_horizon SET complete_from = $1"
ANSWERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "events": handle_events,
    "revenue": handle_revenue,
    "demographics": handle_demographics,
}
CHANNELS: dict[str, Channel] = {"facebook": "meta.conversions", "tiktok": "tiktok.events"}
CURRENCIES = ["unspecified", "EUR", "USD", "JPY"]
COLLECT = {"facebook": collect_facebook, "tiktok": collect_tiktok}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    far_from_utc = {"timezone": "Asia/Kathmandu"}
    async with asyncpg.create_pool(
        database_url, min_size=4, max_size=4, server_settings=far_from_utc, init=send_keys_as_bytes
    ) as pool:
        yield pool


@pytest.mark.parametrize(
    ("seed", "days_by_second", "statistics"),
    [(0, 0, "SELECT"), (1, DAYS // 2, "ANALYZE users, user_cities"), (2, DAYS, "SELECT")],
)
async def test_every_answer_is_that_of_plain_sql(
    pool: asyncpg.Pool, seed: int, days_by_second: int, statistics: str
) -> None:
    dice = Random(seed)
    horizon = START + timedelta(days=DAYS - days_by_second)
    await pool.execute(MOVE_HORIZON, START - timedelta(days=1))
    sent, _ = await asyncio.gather(deliver(pool, dice), thin(pool, horizon))
    by_second = await pool.fetchval("SELECT count(DISTINCT bucket) FROM second_rollups")
    assert by_second > 50 or days_by_second == 0
    await pool.execute(statistics)  # without any, cities are read only for short ranges

    await assert_exact(pool, dice, sent, QUESTIONS)


async def assert_exact(pool: asyncpg.Pool, dice: Random, sent: int, questions: int) -> None:
    """Check that all events sent are stored, and answers to some questions of each kind."""
    async with pool.acquire() as connection:
        await make_plain_payloads(connection)
    await pool.execute(MAKE_FLAT)
    known = Known(
        START,
        START + timedelta(days=DAYS),
        [name for name in NAMES if name],
        ("native", *CHANNELS.values()),
        CURRENCIES,
    )
    assert await pool.fetchval("SELECT count(*) FROM bench_flat") == sent
    for ask in ASKS:
        for question in distinct(ask, dice, known, questions):
            assert await answer(question, PostgresReports(pool)) == await expected(
                question, lambda statement, values: pool.fetch(statement, *values)
            ), question


async def answer(question: Question, reports: Reports) -> Any:
    report = json.loads(to_json(await ANSWERS[question.report](question.params, reports=reports)))
    del report["filters"]
    return report


async def thin(pool: asyncpg.Pool, until: datetime) -> None:
    """Move the horizon of seconds forward day by day, and delete some of those before it."""
    for days in range(DAYS):
        await pool.execute(MOVE_HORIZON, min(START + timedelta(days=days), until))
        await pool.fetchval(THIN_SECONDS, 20)


async def deliver(pool: asyncpg.Pool, dice: Random) -> int:
    """Collect events of both sources in disorder, some of them twice; count the distinct ones."""
    moments = [some_moment(dice) for _ in range(EVENTS // 4)]
    events = {source: list(some_events(source, dice, moments)) for source in COLLECT}
    async with asyncio.TaskGroup() as group:
        for source, theirs in events.items():
            batches = in_batches(theirs)
            again = dice.sample(batches, len(batches) // 3)
            for lane in (batches[::2] + again, batches[1::2]):
                group.create_task(collect(pool, source, lane))
    return len({event["eventId"] for some in events.values() for event in some})


async def collect(pool: asyncpg.Pool, source: str, batches: Sequence[Sequence[Any]]) -> None:
    for batch in batches:
        native = [event for event in batch if "kind" not in event]
        foreign = [event for event in batch if "kind" in event]
        collected = await COLLECT[source](
            [a_part(*map(raw, native)), records(*foreign, channel=CHANNELS[source])],
            store=PostgresEventStore(pool),
        )
        assert (collected.rejected, collected.refused) == (0, 0)


def in_batches(events: Sequence[Any]) -> list[Sequence[Any]]:
    return [events[start : start + BATCH] for start in range(0, len(events), BATCH)]


def some_events(source: str, dice: Random, moments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Events at the same few times, in any order; some ids repeat with other contents."""
    for number in range(EVENTS):
        again = dice.random() < 0.05
        event_id = f"{source}-{dice.randrange(number + 1) if again else number}"
        make = a_facebook if source == "facebook" else a_tiktok
        if dice.random() < 0.2:
            make = partial(a_foreign, source)
        yield make(dice, eventId=event_id, timestamp=dice.choice(moments))


def a_facebook(dice: Random, **fields: Any) -> dict[str, Any]:
    event_type = dice.choice(FACEBOOK_TYPES)
    bottom = event_type in get_args(facebook.BottomType)
    sale = {"campaignId": dice.choice(NAMES), "purchaseAmount": some_amount(dice)}
    return a_facebook_event(
        eventType=event_type,
        user={
            "userId": some_user(dice),
            "age": dice.choice([0, 17, 18, 24, 25, 34, 44, 64, 65, 150]),
            "gender": dice.choice(["male", "female", "non-binary"]),
        },
        location={"country": dice.choice([*NAMES, LONG_NAME]), "city": some_city(dice)},
        engagement=sale if bottom else {},
        **fields,
    )


def a_tiktok(dice: Random, **fields: Any) -> dict[str, Any]:
    event_type = dice.choice(TIKTOK_TYPES)
    watched = {
        "watchTime": dice.choice([0, 300, 12.345, dice.randrange(10**6) / 1000]),
        "percentageWatched": dice.randrange(1001) / 10,
        "device": dice.choice(["iOS", "Android", "Desktop"]),
        "country": dice.choice(NAMES),
    }
    top = event_type in get_args(tiktok.TopType)
    followers = dice.choice([0, 999, 1000, 9999, 10**5, 10**6, 2**63 - 1])
    return a_tiktok_event(
        eventType=event_type,
        user={"userId": some_user(dice), "followers": followers},
        engagement=watched if top else {"purchaseAmount": some_amount(dice)},
        **fields,
    )


def a_foreign(source: str, dice: Random, **fields: Any) -> dict[str, Any]:
    """A canonical record; one in two is a sale, one in three of an unknown user."""
    own = (
        {"userKey": f"{dice.randrange(100) + 100 * len(source):032x}"}
        if dice.random() < 0.67
        else {}
    )
    if dice.random() < 0.5:
        kinds = [name for (of, _), names in KINDS.items() if of == source for name in names]
        return a_record(source=source, eventType=dice.choice(kinds), **own, **fields)
    return a_record(
        source=source,
        eventType="checkout.complete" if source == "facebook" else "purchase",
        amount=dice.choice(["0", "7.5", "-3", "5.00", "999999999999.999999", "0.000001"]),
        currency=dice.choice(CURRENCIES[1:]),
        campaignId=dice.choice([name for name in NAMES if name]),
        **own,
        **fields,
    )


def some_user(dice: Random) -> str:
    """Of the same few on both platforms."""
    return f"user-{dice.randrange(300)}"


def some_city(dice: Random) -> str:
    """Of one user or of several; in one of ten cases the name is too long for an index."""
    number = dice.randrange(10)
    own = f"{dice.choice(NAMES)}{dice.randrange(500)}"
    return LONG_NAME + own[:1] if number == 0 else own if number < 6 else dice.choice(NAMES)


def some_amount(dice: Random) -> str | float | None:
    """Often equal, with up to six decimals, sometimes a number."""
    decimals = dice.choice([0, 1, 2, 6])
    amount = f"{dice.randrange(2000) / 7:.{decimals}f}"
    return dice.choice([None, "5", "5.00", "999999999999.999999", amount, float(amount)])


def some_moment(dice: Random) -> str:
    """Often on the hour or beside it, to the microsecond, in any zone."""
    hours = dice.choice([dice.randrange(6), dice.randrange(24 * DAYS)])
    beside = dice.choice([timedelta(), timedelta(microseconds=1), timedelta(seconds=dice.random())])
    moment = START + timedelta(hours=hours) + dice.choice([-1, 1, 60]) * beside
    zone = timezone(timedelta(minutes=dice.choice([0, 0, 345, -570])))
    return moment.astimezone(zone).isoformat()
