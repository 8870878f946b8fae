"""The ledger: one suite for the store in memory and the store on PostgreSQL."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import pytest

from functions.collecting import Collected
from functions.errors import Refused
from functions.events import Source
from functions.events.rows import EventRow
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import (
    AcceptedBatch,
    Announcement,
    Backlog,
    Envelope,
    EnvelopeOutcome,
    Stored,
)
from functions.parameters import Period
from functions.ports import EventStore
from functions.reporter.figures import LedgerSum
from functions.reporter.ledger_report import LedgerQuestion
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import (
    NOON,
    a_facebook_event,
    a_letter,
    a_row,
    an_envelope,
    letters_of,
    raw,
)
from tests.doubles.fakes import FakeEventStore
from tests.doubles.fakes_ledger import FakeLedger


class Sums(NamedTuple):
    """The whole ledger, summed."""

    counted: int
    stored: int
    duplicates: int
    dead: int


@dataclass(frozen=True)
class Kept:
    """A store, and a way to read its ledger."""

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
        "SELECT sum(counted)::int, sum(stored)::int, sum(duplicates)::int, sum(dead)::int"
        " FROM ledger"
    )
    return Sums(*tuple(row or ()))


TOO_OLD = 2**15
"""Not a smallint, so the database refuses it."""


def an_outcome(*event_ids: str, letters: int = 0) -> EnvelopeOutcome:
    rows = [a_row(event_id) for event_id in event_ids]
    return EnvelopeOutcome(
        an_envelope(len(rows) + letters), rows, [a_letter() for _ in range(letters)]
    )


def a_part_of(envelope: Envelope, *event_ids: str, age: int = 30) -> AcceptedBatch:
    events = [raw(a_facebook_event(eventId=it, user={"age": age})) for it in event_ids]
    return AcceptedBatch("test", NOON, events, envelope)


async def test_the_outcome_of_an_envelope_is_in_the_ledger(kept: Kept) -> None:
    await kept.store.settle([an_outcome("1")])

    stored = await kept.store.settle([an_outcome("1", "2", "3", letters=2)])

    assert stored == Stored(new=2, duplicates=1)
    assert await kept.sums() == Sums(counted=6, stored=3, duplicates=1, dead=2)


async def test_a_redelivered_envelope_changes_nothing(kept: Kept) -> None:
    outcome = an_outcome("1", "2", letters=1)
    await kept.store.settle([outcome])

    stored = await kept.store.settle([outcome, an_outcome("3")])

    assert stored == Stored(new=1, duplicates=2)
    assert await kept.sums() == Sums(counted=4, stored=3, duplicates=0, dead=1)


async def test_an_envelope_twice_in_a_batch_counts_once(kept: Kept) -> None:
    outcome = an_outcome("1", "2")

    assert await kept.store.settle([outcome, an_outcome("3"), outcome]) == Stored(
        new=3, duplicates=2
    )
    assert await kept.sums() == Sums(counted=3, stored=3, duplicates=0, dead=0)


async def test_a_message_twice_in_a_batch_counts_once(kept: Kept) -> None:
    envelope = an_envelope(2)
    part = a_part_of(envelope, "1", "2")
    again = replace(part, envelope=replace(envelope))

    assert await collect_facebook([part, again], store=kept.store) == Collected(2, 2, 0, 0)
    assert await kept.sums() == Sums(counted=2, stored=2, duplicates=0, dead=0)


async def test_an_event_in_two_envelopes_of_a_batch_is_stored_for_one_of_them(kept: Kept) -> None:
    stored = await kept.store.settle([an_outcome("1", "1", "2"), an_outcome("2", "3")])

    assert stored == Stored(new=3, duplicates=2)
    assert await kept.sums() == Sums(counted=5, stored=3, duplicates=2, dead=0)


async def test_events_without_an_envelope_are_not_in_the_ledger(kept: Kept) -> None:
    await kept.store.settle([EnvelopeOutcome(None, [a_row("1")]), an_outcome("2")])

    assert await kept.sums() == Sums(1, 1, 0, 0)


async def test_counted_events_that_nobody_found_are_shown(kept: Kept) -> None:
    outcome = an_outcome("1")

    await kept.store.settle([replace(outcome, envelope=an_envelope(5))])

    assert await kept.sums() == Sums(counted=5, stored=1, duplicates=0, dead=0)


async def test_all_events_of_an_unreadable_envelope_are_dead(kept: Kept) -> None:
    await kept.store.settle([EnvelopeOutcome(an_envelope(7), [], [a_letter()], unread=True)])

    assert await kept.sums() == Sums(counted=7, stored=0, duplicates=0, dead=7)


def rejected(events: int, **fields: Any) -> Envelope:
    """An envelope of events that a gateway rejected."""
    return an_envelope(events, rejected=True, **fields)


async def test_what_became_of_rejected_events_is_in_the_ledger(kept: Kept) -> None:
    letter = a_letter()
    outcomes = [
        letters_of(letter, a_letter(), envelope=rejected(2)),
        letters_of(letter, a_letter(), envelope=rejected(2, source=None)),
    ]

    assert await kept.store.keep(outcomes) == Stored(new=3, duplicates=1)
    assert await kept.sums() == Sums(counted=4, stored=3, duplicates=1, dead=0)


async def test_a_mass_counts_as_many_events_as_it_holds(kept: Kept) -> None:
    mass = a_letter(elements=5000)
    own = letters_of(mass, a_letter(), envelope=an_envelope(5001, source=None, rejected=True))
    again = letters_of(mass, a_letter(), envelope=an_envelope(5001, source=None, rejected=True))

    await kept.store.keep([own])
    first = await kept.sums()
    await kept.store.keep([again])

    assert first == Sums(counted=5001, stored=5001, duplicates=0, dead=0)
    assert await kept.sums() == Sums(counted=10_002, stored=5002, duplicates=5000, dead=0)


async def test_rejected_events_that_come_again_change_nothing(kept: Kept) -> None:
    outcome = letters_of(a_letter(), a_letter(), envelope=rejected(2))
    await kept.store.keep([outcome, outcome])

    again = await kept.store.keep([outcome, letters_of(a_letter(), envelope=rejected(1))])

    assert again == Stored(new=1, duplicates=2)
    assert await kept.sums() == Sums(counted=3, stored=3, duplicates=0, dead=0)


async def test_all_rejected_events_of_an_unreadable_message_are_dead(kept: Kept) -> None:
    await kept.store.keep(
        [EnvelopeOutcome(rejected(7), (), [a_letter(reason="unreadable")], unread=True)]
    )

    assert await kept.sums() == Sums(counted=7, stored=0, duplicates=0, dead=7)


async def test_uncounted_dead_letters_are_kept_and_not_in_the_ledger(kept: Kept) -> None:
    await kept.store.keep([letters_of(a_letter()), letters_of(a_letter(), envelope=rejected(1))])

    assert await kept.sums() == Sums(1, 1, 0, 0)


async def test_a_probe_changes_nothing(kept: Kept) -> None:
    await kept.store.probe([a_row("1")])
    with pytest.raises(Refused):
        await kept.store.probe([a_row("1"), a_row("2", user_id="2", age=TOO_OLD)])

    assert await kept.store.store([a_row("1")]) == Stored(1, 0)


async def test_a_lot_with_a_refused_row_leaves_nothing_behind(kept: Kept) -> None:
    bad = an_outcome("1", "2", letters=1)
    worse = replace(bad, rows=[*bad.rows, a_row(user_id="2", age=TOO_OLD)])
    with pytest.raises(Refused):
        await kept.store.settle([an_outcome("0"), worse])

    assert await kept.store.settle([bad]) == Stored(2, 0)
    assert await kept.sums() == Sums(3, 2, 0, 1)


class Refusing:
    """A store that refuses the rows of some events and passes the others on."""

    def __init__(self, store: EventStore, *event_ids: str) -> None:
        self._store = store
        self._event_ids = set(event_ids)

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        await self.probe([row for outcome in outcomes for row in outcome.rows])
        return await self._store.settle(outcomes)

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        return await self.settle([EnvelopeOutcome(None, rows)])

    async def probe(self, rows: Sequence[EventRow]) -> None:
        if any(row.event_id in self._event_ids for row in rows):
            raise Refused("told to", code="22003")

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        return await self._store.keep(outcomes)


@pytest.mark.parametrize("refused", [["1"], ["3", "4"], ["0", "9"], [str(n) for n in range(10)]])
async def test_halving_keeps_the_ledger_exact_when_the_batch_is_redelivered(
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
    outcomes = [an_outcome(*(f"{outcome}-{row}" for row in range(100))) for outcome in range(4)]

    stored = await asyncio.gather(
        *(store.settle([*outcomes[turn:], *outcomes[:turn]]) for turn, store in enumerate(stores))
    )

    assert sum(it.new for it in stored) == 400
    assert await ledger_of(pool) == Sums(400, 400, 0, 0)


async def test_entries_are_by_minute_source_and_gateway(pool: asyncpg.Pool) -> None:
    store, one, other = PostgresEventStore(pool), an_envelope(1), an_envelope(1)
    later = replace(an_envelope(1), minute=datetime(2024, 1, 1, 12, 1, tzinfo=UTC))
    outcomes = [EnvelopeOutcome(it, [a_row()]) for it in (one, other, later)]

    await store.settle(outcomes)
    await store.settle([EnvelopeOutcome(replace(one, id=b"x" * 16), [a_row()])])

    found = await pool.fetch("SELECT minute, source, instance, counted FROM ledger")
    assert {(row["minute"], bytes(row["instance"]), row["counted"]) for row in found} == {
        (NOON, one.instance, 2),
        (NOON, other.instance, 1),
        (later.minute, later.instance, 1),
    }


def told(envelope: Envelope, sequence: int) -> Announcement:
    return Announcement(envelope.id, envelope.minute, envelope.events, sequence)


def a_backlog(first_sequence: int) -> Backlog:
    return Backlog("fb-collector", RECENT, 1, RECENT - timedelta(seconds=3), first_sequence)


def a_letters_backlog(first_sequence: int) -> Backlog:
    return Backlog("dead-letters", RECENT, 0, None, first_sequence)


async def balance_of(pool: asyncpg.Pool) -> tuple[int, ...]:
    """Of accepted events."""
    return (await _sums_of(pool))[1:6]


async def rejections_of(pool: asyncpg.Pool) -> tuple[int, ...]:
    """Of rejected events."""
    return (await _sums_of(pool))[6:]


async def _sums_of(pool: asyncpg.Pool) -> LedgerSum:
    figures = await PostgresReports(pool).sum_ledger(
        LedgerQuestion(Period(None, None), interval="month"), max_buckets=10
    )
    (bucket,) = figures.buckets
    return bucket


RECENT = datetime.now(UTC).replace(second=0, microsecond=0)


async def test_announced_events_are_in_flight_until_settled(pool: asyncpg.Pool) -> None:
    store, ledger = PostgresEventStore(pool), PostgresLedger(pool, "facebook")
    first = an_envelope(2, minute=RECENT)
    second = an_envelope(1, minute=RECENT, announced=[told(first, 7)])
    await store.settle([EnvelopeOutcome(second, [a_row()])])

    before = await balance_of(pool)
    imbalance_before = await ledger.note(a_backlog(7))
    await store.settle([EnvelopeOutcome(first, [a_row(), a_row()])])
    settled = await balance_of(pool)
    imbalance_after = await ledger.note(a_backlog(9))

    assert (before, imbalance_before) == ((3, 1, 0, 0, 2), 0)
    assert (settled, imbalance_after) == ((3, 3, 0, 0, 0), 0)
    assert await pool.fetchval("SELECT count(*) FROM announced_envelopes") == 0


async def test_announced_events_that_left_the_broker_unsettled_are_an_imbalance(
    pool: asyncpg.Pool,
) -> None:
    store, ledger = PostgresEventStore(pool), PostgresLedger(pool, "facebook")
    lost = an_envelope(2, minute=RECENT)
    for _ in range(2):  # whatever announces them, and however often
        teller = an_envelope(1, minute=RECENT, announced=[told(lost, 7)])
        await store.settle([EnvelopeOutcome(teller, [a_row()])])

    assert await ledger.note(a_backlog(8)) == 2
    assert await balance_of(pool) == (4, 2, 0, 0, 0)
    assert await PostgresLedger(pool, "tiktok").note(a_backlog(8)) == 0


async def test_what_was_counted_and_not_found_is_an_imbalance(pool: asyncpg.Pool) -> None:
    store, ledger = PostgresEventStore(pool), PostgresLedger(pool, "facebook")

    await store.settle(
        [EnvelopeOutcome(an_envelope(5), [a_row()]), EnvelopeOutcome(an_envelope(0), [a_row()])]
    )

    assert await ledger.note(a_backlog(1)) == 5


async def test_rejected_events_have_a_balance_of_their_own(pool: asyncpg.Pool) -> None:
    store, ledger = PostgresEventStore(pool), PostgresLedger(pool, None)
    first, lost = (rejected(n, minute=RECENT, source=None) for n in (2, 3))
    tellers = [
        rejected(1, minute=RECENT, source=source, announced=[told(it, sequence)])
        for it, source, sequence in ((first, None, 7), (lost, "tiktok", 8))
    ]
    await store.keep([letters_of(a_letter(), envelope=teller) for teller in tellers])
    await store.settle([EnvelopeOutcome(an_envelope(1, minute=RECENT), [a_row()])])

    in_flight = await rejections_of(pool), await ledger.note(a_letters_backlog(7))
    await store.keep([letters_of(a_letter(), a_letter(), envelope=first)])
    missed = await rejections_of(pool), await ledger.note(a_letters_backlog(9))

    assert in_flight == ((7, 2, 0, 5), 0)
    assert missed == ((7, 4, 0, 3), 3)
    assert await rejections_of(pool) == (7, 4, 0, 0)
    assert await balance_of(pool) == (1, 1, 0, 0, 0)
    assert await PostgresLedger(pool, "tiktok").note(a_backlog(9)) == 0


async def test_too_many_outcomes_of_rejected_events_are_an_imbalance(pool: asyncpg.Pool) -> None:
    store = PostgresEventStore(pool)

    await store.keep(
        [
            letters_of(a_letter(), envelope=rejected(0)),
            letters_of(a_letter(), envelope=rejected(2)),
        ]
    )

    assert await PostgresLedger(pool, None).note(a_letters_backlog(1)) == 2
    assert await PostgresLedger(pool, "facebook").note(a_backlog(1)) == 0


async def test_an_envelope_that_only_announces_is_no_entry(pool: asyncpg.Pool) -> None:
    store, ledger = PostgresEventStore(pool), PostgresLedger(pool, "facebook")
    first = an_envelope(2, minute=RECENT)
    teller = an_envelope(0, minute=RECENT, announced=[told(first, 7)])

    assert await store.settle([EnvelopeOutcome(teller, [])]) == Stored(0, 0)

    assert await pool.fetchval("SELECT count(*) FROM ledger") == 0
    assert await balance_of(pool) == (2, 0, 0, 0, 2)
    assert await ledger.note(a_backlog(8)) == 2


class Books(ABC):
    """A store with its ledger, and a way to set their clocks."""

    store: EventStore

    @abstractmethod
    async def note(self, source: Source, backlog: Backlog) -> int: ...

    @abstractmethod
    async def jump(self, by: timedelta) -> None:
        """Let the database's clock jump."""

    @abstractmethod
    async def let_pass(self, time: timedelta) -> None:
        """Pretend that the ledger's clock was last moved so long ago."""

    @abstractmethod
    async def grow_old(self, by: timedelta) -> None:
        """Move the ledger's clock forward."""

    @abstractmethod
    async def time(self) -> datetime:
        """Return the ledger's time."""

    @abstractmethod
    async def remembered(self) -> int:
        """Count the known settled envelopes."""


class PostgresBooks(Books):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.store = PostgresEventStore(pool)

    async def note(self, source: Source, backlog: Backlog) -> int:
        return await PostgresLedger(self._pool, source).note(backlog)

    async def jump(self, by: timedelta) -> None:
        # the distance of the clock from the ledger's last move is the size of its jump
        statement = "UPDATE ledger_clock SET ticked_at = ticked_at - $1::interval"
        await self._pool.execute(statement, by)

    async def let_pass(self, time: timedelta) -> None:
        statement = "UPDATE ledger_clock SET ticked_at = clock_timestamp() - $1::interval"
        await self._pool.execute(statement, time)

    async def grow_old(self, by: timedelta) -> None:
        await self._pool.execute("UPDATE ledger_clock SET at = at + $1::interval", by)

    async def time(self) -> datetime:
        at: datetime = await self._pool.fetchval("SELECT at FROM ledger_clock")
        return at

    async def remembered(self) -> int:
        return int(await self._pool.fetchval("SELECT count(*) FROM envelopes"))


class FakeBooks(Books):
    def __init__(self) -> None:
        self._ahead = timedelta()
        self._ledger = FakeLedger(now=lambda: datetime.now(UTC) + self._ahead)
        self.store = self._ledger

    async def note(self, source: Source, backlog: Backlog) -> int:
        return await self._ledger.note(source, backlog)

    async def jump(self, by: timedelta) -> None:
        self._ahead += by

    async def let_pass(self, time: timedelta) -> None:
        self._ledger.ticked_at = self._ledger.now() - time

    async def grow_old(self, by: timedelta) -> None:
        self._ledger.at += by

    async def time(self) -> datetime:
        return self._ledger.at

    async def remembered(self) -> int:
        return len(self._ledger.settled)


@pytest.fixture(params=["memory", "postgres"])
def books(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> Books:
    return PostgresBooks(pool) if request.param == "postgres" else FakeBooks()


@pytest.mark.parametrize("days", [-400, -8, 8, 400])
async def test_a_loss_is_seen_whatever_the_gateway_s_clock_says(books: Books, days: int) -> None:
    minute = RECENT + timedelta(days=days)
    lost = an_envelope(2, minute=minute)
    teller = an_envelope(1, minute=minute, announced=[told(lost, 7)])

    await books.store.settle([EnvelopeOutcome(teller, [a_row()])])

    assert await books.note("facebook", a_backlog(7)) == 0
    assert await books.note("facebook", a_backlog(8)) == 2


@pytest.mark.parametrize("days", [-400, -8, 8, 400])
async def test_nothing_is_forgotten_when_the_database_s_clock_jumps(
    books: Books, days: int
) -> None:
    first = an_envelope(1, minute=RECENT)
    await books.store.settle([EnvelopeOutcome(first, [a_row()])])
    await books.note("facebook", a_backlog(8))

    await books.jump(timedelta(days=days))
    await books.note("facebook", a_backlog(8))
    teller = an_envelope(1, minute=RECENT, announced=[told(first, 7)])
    again = await books.store.settle(
        [EnvelopeOutcome(first, [a_row()]), EnvelopeOutcome(teller, [a_row()])]
    )

    assert again == Stored(1, 1)
    assert await books.note("facebook", a_backlog(9)) == 0
    assert await books.remembered() == 2


async def test_envelopes_are_forgotten_after_days_in_which_collectors_ran(books: Books) -> None:
    await books.store.settle([an_outcome("1"), an_outcome("2")])
    await books.grow_old(timedelta(days=6))
    await books.note("facebook", a_backlog(1))
    before = await books.remembered()
    await books.store.settle([an_outcome("3")])
    await books.grow_old(timedelta(hours=25))

    await books.note("facebook", a_backlog(1))

    assert (before, await books.remembered()) == (2, 1)


async def test_a_clock_that_somebody_deleted_is_made_again_at_the_newest_envelope(
    pool: asyncpg.Pool,
) -> None:
    books = PostgresBooks(pool)
    await books.grow_old(-timedelta(days=3))
    await books.store.settle([an_outcome("1")])
    settled_at = await pool.fetchval("SELECT settled_at FROM envelopes")
    await pool.execute("DELETE FROM ledger_clock")

    await books.note("facebook", a_backlog(1))

    assert await books.time() == settled_at
    assert await books.remembered() == 1


async def moved_by(books: Books, backlog: Backlog) -> timedelta:
    """Record a backlog half a minute later; return how far the ledger's clock moved."""
    before = await books.time()
    await books.let_pass(timedelta(seconds=30))
    await books.note("facebook", backlog)
    return await books.time() - before


@pytest.mark.parametrize(
    ("days_behind", "stands"), [(0.0, False), (0.9, False), (1.1, True), (29, True), (31, False)]
)
async def test_the_ledger_s_clock_stands_while_a_collector_is_days_behind(
    books: Books, days_behind: float, *, stands: bool
) -> None:
    oldest_at = RECENT - timedelta(days=days_behind)

    behind = await moved_by(books, Backlog("fb-collector", RECENT, 1, oldest_at, 3))
    drained = await moved_by(books, Backlog("fb-collector", RECENT, 0, None, 4))

    half, minute = timedelta(seconds=30), timedelta(minutes=1)
    assert behind == timedelta() if stands else half <= behind < minute
    assert half <= drained < minute


@pytest.mark.parametrize(
    ("days_away", "stands"), [(0.9, False), (1.1, True), (29, True), (31, False)]
)
async def test_the_ledger_s_clock_stands_while_a_collector_is_away(
    books: Books, days_away: float, *, stands: bool
) -> None:
    seen_at = RECENT - timedelta(days=days_away)
    await books.note("tiktok", Backlog("ttk-collector", seen_at, 0, None, 3))

    moved = await moved_by(books, Backlog("fb-collector", RECENT, 0, None, 4))

    half, minute = timedelta(seconds=30), timedelta(minutes=1)
    assert moved == timedelta() if stands else half <= moved < minute


async def test_a_balance_thins_the_seconds_of_more_than_a_day_ago(pool: asyncpg.Pool) -> None:
    now = await pool.fetchval("SELECT now()")
    moments = [now - timedelta(hours=28), now - timedelta(hours=25), now]
    await pool.execute("UPDATE second_horizon SET complete_from = $1", now - timedelta(days=9))
    await PostgresEventStore(pool).store([a_row(occurred_at=moment) for moment in moments])

    await PostgresLedger(pool, "facebook").balance()

    seconds = await pool.fetch("SELECT bucket FROM second_rollups ORDER BY 1")
    assert [it["bucket"] for it in seconds] == [it.replace(microsecond=0) for it in moments[1:]]


async def test_the_ledger_is_summed_by_source_range_and_interval(pool: asyncpg.Pool) -> None:
    minutes = [NOON, NOON + timedelta(minutes=1), NOON + timedelta(hours=1)]
    await PostgresEventStore(pool).settle(
        [
            *(EnvelopeOutcome(an_envelope(1, minute=minute), [a_row()]) for minute in minutes),
            EnvelopeOutcome(an_envelope(1, source="tiktok"), [a_row(source="tiktok")]),
        ]
    )
    await PostgresLedger(pool, "facebook").note(a_backlog(3))
    ask = partial(PostgresReports(pool).sum_ledger, max_buckets=2)

    by_minute = await ask(LedgerQuestion(Period(None, None), interval="minute"))
    by_hour = await ask(
        LedgerQuestion(Period(minutes[1], None), source="facebook", interval="hour")
    )
    none = await ask(LedgerQuestion(Period(None, NOON), interval="day"))

    assert [(it.bucket, it.accepted) for it in by_minute.buckets] == [(NOON, 2), (minutes[1], 1)]
    assert [(it.bucket, it.stored) for it in by_hour.buckets] == [(NOON, 1), (minutes[2], 1)]
    assert none.buckets == []
    assert by_hour.backlogs == [a_backlog(3)]
