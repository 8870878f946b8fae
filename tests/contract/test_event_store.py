"""One suite for the store in memory and the store on PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import asyncpg
import pytest

from functions.errors import Refused, Unavailable
from functions.events import Source
from functions.events.rows import EventRow, user_key
from functions.messages import Envelope, EnvelopeOutcome, Stored
from functions.ports import EventStore
from runtime.postgres.payloads import unpack
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import CLAIM_ENVELOPES, PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import NOON, a_letter, a_row, a_sale, an_envelope, letters_of
from tests.doubles.fakes import FakeEventStore
from tests.truth.payloads import make_plain_payloads
from tests.truth.recomputation import differences

KEPT = """
    SELECT
        id, user_key, occurred_at, stored_events.source, funnel_stage, event_type, channel,
        mapping, revenue, campaign_id, watch_country, watch_device, watch_seconds,
        percentage_watched, currency, order_id, event_name,
        accepted_at, correlation_id, trace_parent, published_at, stream_sequence, deliveries,
        event_id, payload::text, age, gender, followers, country, city
    FROM stored_events
    JOIN plain_payloads USING (block, position)
    LEFT JOIN users ON users.key = user_key
    ORDER BY event_id
"""


@dataclass(frozen=True)
class Kept:
    """A store, and a way to read its contents."""

    store: EventStore
    rows: Callable[[], Awaitable[dict[str, EventRow]]]
    letters: Callable[[], Awaitable[dict[str, bytes]]]


def in_memory() -> Kept:
    fake = FakeEventStore()

    async def rows() -> dict[str, EventRow]:
        return {row.event_id: row for row in fake.rows.values()}

    async def letters() -> dict[str, bytes]:
        return {str(letter.id): letter.payload for letter in fake.letters.values()}

    return Kept(fake, rows, letters)


def on_postgres(pool: asyncpg.Pool) -> Kept:
    async def rows() -> dict[str, EventRow]:
        async with pool.acquire() as connection:
            await make_plain_payloads(connection)
            found = await connection.fetch(KEPT)
        return {row["event_id"]: EventRow(*row) for row in found}

    async def letters() -> dict[str, bytes]:
        found = await pool.fetch("SELECT id::text, payload FROM dead_letters")
        return {row["id"]: row["payload"] for row in found}

    return Kept(PostgresEventStore(pool), rows, letters)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> Kept:
    return in_memory() if request.param == "memory" else on_postgres(pool)


async def test_rows_are_kept_as_they_are(kept: Kept) -> None:
    facebook = a_sale("19.99", "fb-1", payload='{"a": 1.0,  "b":"\\u00e9"}')
    tiktok = a_row("ttk-1", source="tiktok", occurred_at=NOON + timedelta(microseconds=1))

    stored = await kept.store.store([facebook, tiktok])

    assert stored == Stored(new=2, duplicates=0)
    assert await kept.rows() == {"fb-1": facebook, "ttk-1": tiktok}


async def test_nothing_is_a_batch_too(kept: Kept) -> None:
    assert await kept.store.store([]) == Stored(0, 0)
    assert await kept.store.keep([letters_of()]) == await kept.store.keep([]) == Stored(0, 0)


async def test_the_first_of_two_equal_events_in_a_batch_counts(kept: Kept) -> None:
    rows = [a_row("1", payload=text) for text in ('"first"', '"second"', '"third"')]

    stored = await kept.store.store([a_row("0"), *rows, a_row("2")])

    assert stored == Stored(new=3, duplicates=2)
    assert (await kept.rows())["1"].payload == '"first"'


async def test_an_event_that_is_there_stays_as_it_is(kept: Kept) -> None:
    await kept.store.store([a_sale("1", "1")])

    stored = await kept.store.store([a_sale("2", "1"), a_sale("3", "2")])

    assert stored == Stored(new=1, duplicates=1)
    assert [row.revenue for row in (await kept.rows()).values()] == [1, 3]


async def test_the_same_id_of_another_source_is_another_event(kept: Kept) -> None:
    stored = await kept.store.store([a_row("1"), a_row("1", source="tiktok")])

    assert stored == Stored(new=2, duplicates=0)


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "tiktok", "followers": 2**63 - 1},
        {"source": "tiktok", "watch_seconds": 1e308, "percentage_watched": 5e-324},
        {"revenue": Decimal("999999999999.999999")},
        {"revenue": Decimal("0.000001")},
        {"published_at": NOON, "stream_sequence": 2**63 - 1, "deliveries": 2**31 - 1},
        {"trace_parent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"age": 150},
        {"occurred_at": datetime(1, 1, 1, microsecond=1, tzinfo=UTC)},
        {"occurred_at": datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC)},
        {"payload": '{"a":' + "[" * 190 + "1e400" + "]" * 190 + ',"a":"\\ud83d\\ude00"}'},
    ],
)
async def test_values_at_the_bounds_of_the_contract_are_kept(
    kept: Kept, fields: dict[str, Any]
) -> None:
    row = a_sale("1", "1", **fields) if "revenue" in fields else a_row("1", **fields)

    await kept.store.store([row])

    assert await kept.rows() == {"1": row}


async def test_the_outermost_instants_are_kept_beside_themselves(pool: asyncpg.Pool) -> None:
    outermost = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]

    await PostgresEventStore(pool).store([a_row(occurred_at=instant) for instant in outermost])

    kept = await pool.fetch("SELECT occurred_at FROM events ORDER BY occurred_at")
    instant = timedelta(microseconds=1)
    assert [at for (at,) in kept] == [outermost[0] + instant, outermost[1] - instant]


async def test_a_text_may_be_long(kept: Kept) -> None:
    texts: dict[str, Any] = {
        column: Random(column).randbytes(50_000).hex()
        for column in ("correlation_id", "campaign_id", "country", "city", "watch_country")
    }
    rows = [a_sale("1", "1"), a_row("2"), a_row("3", source="tiktok")]
    rows = [row._replace(**texts, event_id="\U0001f600" * 197 + row.event_id) for row in rows]

    await kept.store.store(rows)

    assert sorted((await kept.rows()).values()) == sorted(rows)


async def test_a_refused_batch_leaves_nothing(pool: asyncpg.Pool) -> None:
    store = PostgresEventStore(pool)
    refused = [
        a_row("1", payload="\ud800"),
        a_row("1", city="\0"),
        a_row("1", age=40_000),
        a_row("1", city="\ud800"),
        a_sale("1000000000000", "1"),
    ]

    for row in refused:
        with pytest.raises(Refused) as caught:
            await store.store([a_sale("1", "0", user_id="other"), row])
        assert caught.value.code.startswith("22")

    assert await pool.fetchval("SELECT count(*) FROM events") == 0
    assert await pool.fetchval("SELECT count(*) FROM event_rollups") == 0


async def test_a_refusal_does_not_repeat_the_row(pool: asyncpg.Pool) -> None:
    nameless = a_row("fb-secret", event_type=None, payload='{"name": "Secret"}')

    with pytest.raises(Refused, match="event_type") as caught:
        await PostgresEventStore(pool).store([nameless])

    assert "ecret" not in str(caught.value)


async def test_a_refused_batch_of_the_fake_leaves_nothing() -> None:
    store = FakeEventStore(refuses=lambda row: row.city == "refused")

    with pytest.raises(Refused):
        await store.store([a_row("0"), a_row("1", city="refused")])

    assert store.rows == {}


async def test_an_unreachable_database_is_unavailable(pool: asyncpg.Pool) -> None:
    await pool.close()
    store = PostgresEventStore(pool)

    with pytest.raises(Unavailable):
        await store.store([a_row()])
    with pytest.raises(Unavailable):
        await store.keep([letters_of(a_letter())])


async def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    patient = DatabaseSettings(database_url=database_url)
    hasty = DatabaseSettings(database_url=database_url, database_timeout_seconds=0.2)
    async with opened(patient, "other") as others, opened(hasty, "test") as pool:
        async with others.acquire() as other, other.transaction():
            await other.execute("LOCK events")
            with pytest.raises(Unavailable):
                await PostgresEventStore(pool).store([a_row()])

        assert await pool.fetchval("SELECT count(*) FROM events") == 0


async def test_a_dead_letter_is_kept_once_with_any_bytes(kept: Kept) -> None:
    letter, other = a_letter(payload=b"\x00\xff"), a_letter(payload=b"", source=None, event_id=None)

    first = await kept.store.keep([letters_of(letter, other), letters_of(letter)])
    second = await kept.store.keep([letters_of(other, a_letter(payload=b"\x00\xff", position=1))])

    assert (first, second) == (Stored(2, 1), Stored(1, 1))
    assert sorted((await kept.letters()).values()) == [b"", b"\x00\xff", b"\x00\xff"]


async def test_a_dead_letter_knows_all_there_is_to_know(pool: asyncpg.Pool) -> None:
    letter = a_letter(
        reason="refused",
        source="tiktok",
        event_id="ttk-1",
        trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        channel="tiktok.shop",
    )

    await PostgresEventStore(pool).keep([letters_of(letter)])

    row = await pool.fetchrow("SELECT * FROM dead_letters")
    assert row is not None
    assert dict(row) == {
        "id": letter.id.bytes,
        "accepted_at": letter.accepted_at,
        "stored_at": row["stored_at"],
        "source": "tiktok",
        "state": "open",
        "event_key": None,
        "reason": "refused",
        "field": letter.fault.field,
        "code": letter.fault.code,
        "message": letter.fault.message,
        "event_id": "ttk-1",
        "correlation_id": "test",
        "trace_parent": letter.trace_parent,
        "payload": letter.payload,
        "elements": 1,
        "channel": "tiktok.shop",
    }


def some_rows(dice: Random, count: int, ids: int) -> list[EventRow]:
    """Rows of a few days whose ids repeat."""
    moments = [NOON + timedelta(minutes=dice.randrange(3 * 24 * 60)) for _ in range(count)]
    return [
        dice.choice(
            [
                a_row(event_id, occurred_at=moment),
                a_row(event_id, occurred_at=moment, source="tiktok"),
                a_sale(f"{dice.randrange(10**9)}.{dice.randrange(10**6):06}", event_id,
                       occurred_at=moment),
                a_sale("0", event_id, occurred_at=moment, revenue=None),
            ]
        )
        for moment in moments
        for event_id in [str(dice.randrange(ids))]
    ]  # fmt: skip


async def test_the_rollup_is_what_the_rows_say(pool: asyncpg.Pool) -> None:
    dice, store = Random(1), PostgresEventStore(pool)

    for _ in range(10):
        await store.store(some_rows(dice, 200, ids=500))

    assert await differences(pool.fetch) == {}
    counted = "SELECT sum(events) FROM event_rollups WHERE granularity = 'hour'"
    assert await pool.fetchval(counted) == await pool.fetchval("SELECT count(*) FROM events")


async def test_stores_that_race_count_each_event_once_and_never_lock_each_other(
    pool: asyncpg.Pool,
) -> None:
    store = PostgresEventStore(pool)
    rows = list({row.id: row for row in some_rows(Random(2), 2000, ids=1500)}.values())

    results = await asyncio.gather(
        *(
            store.store(rows[start::step][::direction])
            for start, step, direction in [(0, 1, 1), (0, 1, -1), (0, 2, -1), (1, 2, 1)]
        )
    )

    total = Counter[str]()
    for stored in results:
        total.update(new=stored.new, duplicates=stored.duplicates)
    assert total == {"new": len(rows), "duplicates": 2 * len(rows)}
    blocks = await pool.fetch("SELECT data FROM payload_blocks")
    assert sum(len(unpack(data)) // 2 for (data,) in blocks) == len(rows)
    assert await differences(pool.fetch) == {}


@pytest.mark.parametrize("size", [20, 200])
async def test_stores_that_race_for_the_same_new_users_meet_each_once(
    pool: asyncpg.Pool, size: int
) -> None:
    dice, store = Random(size), PostgresEventStore(pool)
    batches = [
        [row._replace(**someone(dice, row.source)) for row in some_rows(dice, size, ids=10**9)]
        for _ in range(24)
    ]

    await asyncio.gather(*map(store.store, batches))

    assert await differences(pool.fetch) == {}


async def test_users_who_move_are_listed_where_they_live(pool: asyncpg.Pool) -> None:
    dice, store = Random(3), PostgresEventStore(pool)
    towns = [*map(str, range(60)), "a" * 100, "a" * 101, "b" * 9_000, None]

    for _ in range(30):
        rows = [
            a_row(
                occurred_at=NOON + timedelta(hours=dice.randrange(40)),
                user_id=f"user-{dice.randrange(80)}",
                city=dice.choice(towns),
                country=dice.choice(["Ukraine", "c" * 101]),
            )
            for _ in range(dice.choice([1, 2, 20, 60]))
        ]
        await asyncio.gather(store.store(rows[::2]), store.store(rows[1::2]))

        assert await differences(pool.fetch) == {}


def someone(dice: Random, source: Source) -> dict[str, Any]:
    """One of a few users, whose attributes may have changed."""
    key = user_key(source, f"user-{dice.randrange(150)}")
    if source == "tiktok":
        return {"user_key": key, "followers": dice.choice([0, 9, 10, 99, 10**6])}
    return {"user_key": key, "age": dice.randrange(20, 30), "city": dice.choice(["Kyiv", "Lviv"])}


async def test_a_rollup_may_outgrow_the_amounts_it_is_made_of(pool: asyncpg.Pool) -> None:
    await PostgresEventStore(pool).store([a_sale("999999999999.999999") for _ in range(100)])

    total = await pool.fetchval("SELECT revenue FROM event_rollups WHERE granularity = 'hour'")

    assert total == 100 * Decimal("999999999999.999999")


async def test_what_a_frozen_process_began_is_taken_back_and_others_go_on(
    database_url: str,
) -> None:
    settings = DatabaseSettings(database_url=database_url, database_timeout_seconds=1)
    envelope = an_envelope(1)
    async with (
        opened(settings, "frozen") as frozen,
        opened(settings, "other") as pool,
        frozen.acquire() as connection,
    ):
        begun = connection.transaction()
        await begun.start()
        await connection.fetch(CLAIM_ENVELOPES, [envelope.id])  # and nothing else

        store = PostgresEventStore(pool)
        async with asyncio.timeout(20):
            while not await is_settled(store, envelope):
                await asyncio.sleep(0)

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await connection.fetch(CLAIM_ENVELOPES, [envelope.id])


async def is_settled(store: PostgresEventStore, envelope: Envelope) -> bool:
    """Try once; if another process holds the claim, the statement waits until it is cancelled."""
    try:
        return (await store.settle([EnvelopeOutcome(envelope, [a_row()])])).new == 1
    except Unavailable:
        return False
