"""The ledger: one suite for the store in memory and the store on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
import pytest

from functions.collecting import Collected
from functions.errors import Refused
from functions.fb_collector.handler import handle as collect_facebook
from functions.ports import DeadLetter, Envelope, EventStore, Lot, Part, Stored
from functions.rows import EventRow
from runtime.postgres.pool import opened
from runtime.postgres.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import NOON, a_facebook_event, a_letter, a_row, an_envelope, raw
from tests.fakes import FakeEventStore


class Sums(NamedTuple):
    """The whole ledger, summed."""

    accepted: int
    stored: int
    duplicates: int
    dead: int


@dataclass(frozen=True)
class Kept:
    """A store, and a way to look into its ledger."""

    store: EventStore
    sums: Callable[[], Awaitable[Sums]]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> Kept:
    if request.param == "postgres":
        return Kept(PostgresEventStore(pool), lambda: ledger_of(pool))
    fake = FakeEventStore(refuses=lambda row: row.age == TOO_OLD)

    async def sums() -> Sums:
        return Sums(*map(sum, zip(*fake.ledger.values(), strict=True)))

    return Kept(fake, sums)


async def ledger_of(pool: asyncpg.Pool) -> Sums:
    row = await pool.fetchrow(
        "SELECT sum(accepted)::int, sum(stored)::int, sum(duplicates)::int, sum(dead)::int"
        " FROM ledger"
    )
    return Sums(*tuple(row or ()))


TOO_OLD = 2**15
"""No smallint, hence refused by the database."""


def a_lot(*event_ids: str, letters: int = 0) -> Lot:
    rows = [a_row(event_id) for event_id in event_ids]
    return Lot(an_envelope(len(rows) + letters), rows, [a_letter() for _ in range(letters)])


def a_part_of(envelope: Envelope, *event_ids: str, age: int = 30) -> Part:
    events = [raw(a_facebook_event(eventId=it, user={"age": age})) for it in event_ids]
    return Part("test", NOON, events, envelope)


async def test_the_outcome_of_an_envelope_is_in_the_ledger(kept: Kept) -> None:
    await kept.store.settle([a_lot("1")])

    stored = await kept.store.settle([a_lot("1", "2", "3", letters=2)])

    assert stored == Stored(new=2, duplicates=1)
    assert await kept.sums() == Sums(accepted=6, stored=3, duplicates=1, dead=2)


async def test_an_envelope_that_comes_again_changes_nothing(kept: Kept) -> None:
    lot = a_lot("1", "2", letters=1)
    await kept.store.settle([lot])

    stored = await kept.store.settle([lot, a_lot("3")])

    assert stored == Stored(new=1, duplicates=2)
    assert await kept.sums() == Sums(accepted=4, stored=3, duplicates=0, dead=1)


async def test_an_envelope_that_comes_twice_in_a_batch_counts_once(kept: Kept) -> None:
    lot = a_lot("1", "2")

    assert await kept.store.settle([lot, a_lot("3"), lot]) == Stored(new=3, duplicates=2)
    assert await kept.sums() == Sums(accepted=3, stored=3, duplicates=0, dead=0)


async def test_an_event_in_two_envelopes_of_a_batch_is_stored_for_one_of_them(kept: Kept) -> None:
    stored = await kept.store.settle([a_lot("1", "1", "2"), a_lot("2", "3")])

    assert stored == Stored(new=3, duplicates=2)
    assert await kept.sums() == Sums(accepted=5, stored=3, duplicates=2, dead=0)


async def test_what_came_in_no_envelope_is_not_in_the_ledger(kept: Kept) -> None:
    await kept.store.settle([Lot(None, [a_row("1")]), a_lot("2")])

    assert await kept.sums() == Sums(1, 1, 0, 0)


async def test_what_the_gateway_counted_and_nobody_found_shows(kept: Kept) -> None:
    lot = a_lot("1")

    await kept.store.settle([replace(lot, envelope=an_envelope(5))])

    assert await kept.sums() == Sums(accepted=5, stored=1, duplicates=0, dead=0)


async def test_all_events_of_an_envelope_that_nobody_can_read_are_dead(kept: Kept) -> None:
    await kept.store.settle([Lot(an_envelope(7), [], [a_letter()], unread=True)])

    assert await kept.sums() == Sums(accepted=7, stored=0, duplicates=0, dead=7)


async def test_a_probe_changes_nothing(kept: Kept) -> None:
    await kept.store.probe([a_row("1")])
    with pytest.raises(Refused):
        await kept.store.probe([a_row("1"), a_row("2", user_id="2", age=TOO_OLD)])

    assert await kept.store.store([a_row("1")]) == Stored(1, 0)


async def test_a_lot_with_a_refused_row_leaves_nothing_behind(kept: Kept) -> None:
    bad = a_lot("1", "2", letters=1)
    worse = replace(bad, rows=[*bad.rows, a_row(user_id="2", age=TOO_OLD)])
    with pytest.raises(Refused):
        await kept.store.settle([a_lot("0"), worse])

    assert await kept.store.settle([bad]) == Stored(2, 0)
    assert await kept.sums() == Sums(3, 2, 0, 1)


class Refusing:
    """A store that refuses the rows of some events; passes on what it does not."""

    def __init__(self, store: EventStore, *event_ids: str) -> None:
        self._store = store
        self._event_ids = set(event_ids)

    async def settle(self, lots: Sequence[Lot]) -> Stored:
        await self.probe([row for lot in lots for row in lot.rows])
        return await self._store.settle(lots)

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        return await self.settle([Lot(None, rows)])

    async def probe(self, rows: Sequence[EventRow]) -> None:
        if any(row.event_id in self._event_ids for row in rows):
            raise Refused("told to", code="22003")

    async def keep(self, letters: Sequence[DeadLetter]) -> Stored:
        return await self._store.keep(letters)


@pytest.mark.parametrize("refused", [["1"], ["3", "4"], ["0", "9"], [str(n) for n in range(10)]])
async def test_halving_keeps_the_ledger_exact_when_the_batch_comes_again(
    kept: Kept, refused: list[str]
) -> None:
    parts = [
        a_part_of(an_envelope(5), "0", "1", "2", "3", "4"),
        a_part_of(an_envelope(5), "5", "6", "7", "8", "9"),
    ]
    store = Refusing(kept.store, *refused)

    first = await collect_facebook(parts, store=store)
    again = await collect_facebook(parts, store=store)

    assert first == Collected(10 - len(refused), 0, 0, len(refused))
    assert again.stored == 0
    assert await kept.sums() == Sums(10, 10 - len(refused), 0, len(refused))


async def test_an_envelope_that_two_collectors_settle_at_once_counts_once(
    pool: asyncpg.Pool,
) -> None:
    stores = [PostgresEventStore(pool) for _ in range(4)]
    lots = [a_lot(*(f"{lot}-{row}" for row in range(100))) for lot in range(4)]

    outcomes = await asyncio.gather(
        *(store.settle([*lots[turn:], *lots[:turn]]) for turn, store in enumerate(stores))
    )

    assert sum(outcome.new for outcome in outcomes) == 400
    assert await ledger_of(pool) == Sums(400, 400, 0, 0)


async def test_entries_are_by_minute_source_and_gateway(pool: asyncpg.Pool) -> None:
    store, one, other = PostgresEventStore(pool), an_envelope(1), an_envelope(1)
    later = replace(an_envelope(1), minute=datetime(2024, 1, 1, 12, 1, tzinfo=UTC))
    lots = [Lot(it, [a_row()]) for it in (one, other, later)]

    await store.settle(lots)
    await store.settle([Lot(replace(one, id=b"x" * 16), [a_row()])])

    found = await pool.fetch("SELECT minute, source, instance, accepted FROM ledger")
    assert {(row["minute"], bytes(row["instance"]), row["accepted"]) for row in found} == {
        (NOON, one.instance, 2),
        (NOON, other.instance, 1),
        (later.minute, later.instance, 1),
    }
