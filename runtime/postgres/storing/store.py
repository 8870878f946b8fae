"""The store of events and dead letters, on PostgreSQL."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import add, attrgetter, itemgetter
from typing import Any, Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Unavailable
from functions.events.rows import EventRow
from functions.letters import letter_of_row
from functions.messages import DeadLetter, EnvelopeOutcome, Stored
from functions.senders.notices import NoticeRow
from runtime.postgres.event_kinds import EventKind, number_kinds
from runtime.postgres.granularity import Granularity
from runtime.postgres.payloads import Arrival, Place, add_payloads
from runtime.postgres.retention import (
    KNOWN_EVENTS,
    find_too_old,
    is_too_old,
    read_kept_from,
    too_old_fault,
)
from runtime.postgres.sql import load
from runtime.postgres.storing.event_rollups import campaign_rollups, event_rollups
from runtime.postgres.storing.ledger_entries import announcement_entries, ledger_entries
from runtime.postgres.storing.notices import add_notices
from runtime.postgres.storing.retracting import (
    TAKE_BACK_RETURNED_USERS,
    TAKE_BACK_USERS,
    TAKE_BACK_VISITS,
    add_channel_visits,
    keys_to_take_back,
    lock_retractions,
    lost_visits,
    negative,
    take_back_events,
    users_after,
    without_retracted,
)
from runtime.postgres.storing.user_rollups import CityUser, city_rollups, lost_spreads, user_rollups
from runtime.postgres.storing.users import User, UserChanges, match_users
from runtime.postgres.transactions import await_copies, committed
from runtime.telemetry.reasons import Reason

KNOWN_USERS = load(__file__, "known_users")
ADD_EVENTS = load(__file__, "add_events")
ADD_USERS = load(__file__, "add_users")
IS_RETURNED = load(__file__, "is_returned")
COPY_RETURNED_USERS = load(__file__, "copy_returned_users")
CHANGE_USERS = load(__file__, "change_users")
COUNT_EVENTS = load(__file__, "count_events")
SECONDS_FROM = load(__file__, "seconds_from")
COUNT_SECONDS = load(__file__, "count_seconds")
COUNT_CAMPAIGNS = load(__file__, "count_campaigns")
COUNT_USERS = load(__file__, "count_users")
COUNT_CITIES = load(__file__, "count_cities")
LEAVE_CITIES = load(__file__, "leave_cities")
SHRINK_HOURS = load(__file__, "shrink_hours")
SHRINK_LONGER = load(__file__, "shrink_longer")
STORE_DEAD_LETTERS = load(__file__, "store_dead_letters")
CLAIM_ENVELOPES = load(__file__, "claim_envelopes")
COUNT_LEDGER = load(__file__, "count_ledger")
ANNOUNCE_ENVELOPES = load(__file__, "announce_envelopes")

ATTEMPTS = 5
"""How often a batch is tried while others store the same events or users."""

MEANWHILE: Final = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
"""Errors that mean that another transaction stores the same."""

_CLEAN_BATCHES: Final = 20
"""After so many batches without a duplicate, the look-up is skipped."""

_FEW: Final = 50
"""Up to this number, single inserts cost less than a copy and its savepoint."""

_FACTS: Final = tuple(
    name
    for name in EventRow._fields[: EventRow._fields.index("accepted_at")]
    if name not in EventKind._fields
)
"""What a row of ``events`` has of an event."""

EVENT_COLUMNS: Final = (*_FACTS, *Place._fields, "kind")
"""The columns of ``events``, in the order of its statements."""

_KEY: Final = itemgetter(0)
"""Sorting by it takes half the time of comparing whole tuples."""

_LONGER_GRANULARITIES: Final[tuple[tuple[Granularity, Granularity], ...]] = (
    ("day", "hour"),
    ("month", "day"),
)
_ATTRIBUTES: Final = User._fields.index("newest_id") + 1
_FIRST_INSTANT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)


def _columns(*names: str) -> Callable[[EventRow], tuple[Any, ...]]:
    """Return a function for some columns of a row, at least two."""
    return itemgetter(*map(EventRow._fields.index, names))


_kind_of = _columns(*EventKind._fields)
_facts_of = _columns(*_FACTS)
_PACKED: Final[Sequence[Callable[[EventRow], Any]]] = (
    attrgetter("source"),
    attrgetter("occurred_at"),
    _columns(*Arrival._fields[:-1]),
    attrgetter("event_id"),
    attrgetter("payload"),
)
"""Functions for what ``add_payloads`` takes of a row."""


class _RolledBack(Exception):
    """Rolls a transaction back."""


class PostgresEventStore:
    """Stores events and dead letters; implements ``EventStore``.

    Each call is one transaction: events, users and the rollups updated from them
    are committed together or not at all. All of them are written in one order, table
    by table and by key, so that stores never deadlock.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._clean_batches = _CLEAN_BATCHES

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Settle rows that came without an envelope; see ``EventStore``."""
        return await self.settle([EnvelopeOutcome(None, rows)])

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store events and dead letters, and count their outcomes; see ``EventStore``.

        Copying into a table costs half of an insert that skips conflicts. A copy fails
        on the first row that is stored already, so those are looked up before, and
        the batch is tried again if others store some of it meanwhile. After twenty
        batches without a duplicate the look-up is skipped.
        """
        for attempt in range(ATTEMPTS):
            look = bool(attempt) or self._clean_batches < _CLEAN_BATCHES
            try:
                async with committed(self._pool, but=MEANWHILE) as connection:
                    batch = await _settle(connection, outcomes, look=look)
            except MEANWHILE:
                self._clean_batches = 0
                continue
            self._clean_batches = self._clean_batches + 1 if batch.all_was_new else 0
            return _stored(batch, sum(len(it.rows) + len(it.notices) for it in outcomes))
        raise Unavailable(Reason.OTHERS_STORE)

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Store rows and roll them back; see ``EventStore``."""
        with suppress(_RolledBack):
            async with committed(self._pool) as connection:
                await _store(connection, rows)
                raise _RolledBack

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store dead letters, and count their outcomes; see ``DeadLetterStore``."""
        async with committed(self._pool) as connection:
            fresh = await _claim(connection, outcomes)
            new = await _keep(connection, [it for outcome in fresh for it in outcome.letters])
            await _count_outcomes(connection, fresh, new)
        return Stored(len(new), sum(len(outcome.letters) for outcome in outcomes) - len(new))


async def store_within(
    connection: PoolConnectionProxy,
    rows: Sequence[EventRow],
    letters: Sequence[DeadLetter],
    notices: Sequence[NoticeRow] = (),
) -> Stored:
    """Store what came without an envelope in the caller's transaction; returns the counts.

    Raises:
        UniqueViolationError: Others store the same: roll back and try again. The
            same goes for all of ``MEANWHILE``.
    """
    outcome = EnvelopeOutcome(None, rows, letters, notices=notices)
    batch = await _settle(connection, [outcome], look=True)
    return _stored(batch, len(rows) + len(notices))


class _Batch(NamedTuple):
    """The result of storing a batch.

    Attributes:
        new: Its events that were new.
        all_was_new: Whether all of them were, and all of their users.
        too_old: How many became dead letters because they were too old.
        notices: Its records that are not events, as far as they were new.
    """

    new: Sequence[EventRow]
    all_was_new: bool
    too_old: int = 0
    notices: Sequence[NoticeRow] = ()


def _stored(batch: _Batch, rows: int) -> Stored:
    new = len(batch.new) + len(batch.notices)
    return Stored(new, rows - new - batch.too_old, batch.too_old)


async def _settle(
    connection: PoolConnectionProxy, outcomes: Sequence[EnvelopeOutcome], *, look: bool
) -> _Batch:
    """Store the contents of envelopes that were not settled before, and count them."""
    fresh, too_old = await _without_too_old(connection, await _claim(connection, outcomes))
    rows = [row for outcome in fresh for row in outcome.rows]
    given = [notice for outcome in fresh for notice in outcome.notices]
    may_retract = await lock_retractions(connection, rows, given)
    if may_retract:
        rows = list(await without_retracted(connection, rows))
    batch = await (_store if look else _store_new)(connection, rows)
    await _run(
        connection, STORE_DEAD_LETTERS, [_row(it) for outcome in fresh for it in outcome.letters]
    )
    notices = await add_notices(connection, given) if given else ()
    if may_retract:
        await add_channel_visits(connection, batch.new)
        await take_back(connection, await keys_to_take_back(connection, batch.new, notices))
    await _count_outcomes(connection, fresh, [*batch.new, *notices] if notices else batch.new)
    return batch._replace(too_old=too_old, notices=notices)


async def take_back(connection: PoolConnectionProxy, keys: Collection[bytes]) -> int:
    """Take events back that a stored retraction names; returns how many there were.

    Args:
        connection: In a transaction that has called ``lock_retractions``.
        keys: Of events; those that are not stored, or came natively, are skipped.
    """
    taken = await take_back_events(connection, keys) if keys else ()
    if not taken:
        return 0
    known = await _known_users(connection, list({*_user_keys(taken)}))
    users = await users_after(connection, known)
    changed = [(it.before, it.after) for it in users if it.after and it.after != it.before]
    changes = UserChanges(
        new=[],
        changed=changed,
        return_visits=[],
        returned=[it.after for it in users if it.after and it.returns],
        gone=[it.before for it in users if it.after is None],
    )
    await _run(connection, CHANGE_USERS, [after for _, after in changes.changed])
    await _run(connection, TAKE_BACK_VISITS, list(lost_visits(users, taken)))
    await _add_return_visits(connection, changes)
    await connection.fetch(
        TAKE_BACK_RETURNED_USERS, [it.before.key for it in users if not (it.after and it.returns)]
    )
    await connection.fetch(TAKE_BACK_USERS, [user.key for user in changes.gone])
    seconds_from = await connection.fetchval(SECONDS_FROM)
    longer, seconds, campaigns = negative(
        event_rollups(taken, seconds_from), campaign_rollups(taken)
    )
    await _run(connection, COUNT_EVENTS, longer)
    await _run(connection, COUNT_SECONDS, seconds)
    await _run(connection, COUNT_CAMPAIGNS, campaigns)
    await _run(connection, COUNT_USERS, user_rollups(changes, ()))
    return len(taken)


async def forget_attributes(connection: PoolConnectionProxy, key: bytes) -> None:
    """Forget what is known of a user but the times of the events, and count the user so."""
    known = await _known_users(connection, [key])
    if key not in known:
        return
    user = known[key]
    forgotten = user._replace(age=None, gender=None, followers=None, country=None, city=None)
    if forgotten == user:
        return
    returned = await connection.fetchval(IS_RETURNED, key)
    changes = UserChanges([], [(user, forgotten)], [], [forgotten] if returned else [])
    await _run(connection, CHANGE_USERS, [forgotten])
    await _add_return_visits(connection, changes)
    await _count(connection, (), changes)


async def _without_too_old(
    connection: PoolConnectionProxy, outcomes: Sequence[EnvelopeOutcome]
) -> tuple[Sequence[EnvelopeOutcome], int]:
    """Turn rows that are too old into dead letters; returns how many they were."""
    kept_from = await read_kept_from(connection)
    if kept_from is None:
        return outcomes, 0
    rows = [row for outcome in outcomes for row in outcome.rows]
    too_old = await find_too_old(connection, rows, kept_from)
    if not too_old:
        return outcomes, 0
    fault = too_old_fault(kept_from)
    kept = []
    for outcome in outcomes:
        old = [row for row in outcome.rows if is_too_old(row, kept_from, too_old)]
        others = [row for row in outcome.rows if not is_too_old(row, kept_from, too_old)]
        letters = [*outcome.letters, *(letter_of_row(row, "too_old", fault) for row in old)]
        kept.append(replace(outcome, rows=others, letters=letters))
    return kept, len(rows) - sum(len(outcome.rows) for outcome in kept)


async def _keep(
    connection: PoolConnectionProxy, letters: Sequence[DeadLetter]
) -> Sequence[DeadLetter]:
    """Store dead letters; returns the new ones, each as first given."""
    by_id = {letter.id.bytes: letter for letter in reversed(letters)}
    new = await _run(connection, STORE_DEAD_LETTERS, list(map(_row, by_id.values())))
    return [by_id[key] for (key,) in new]


async def _count_outcomes(
    connection: PoolConnectionProxy,
    outcomes: Sequence[EnvelopeOutcome],
    new: Sequence[EventRow | NoticeRow] | Sequence[DeadLetter],
) -> None:
    """Write outcomes, and the envelopes that they announce, into the ledger.

    If nothing was written at all, others have written what is reported: the
    transaction waits for replicas as it would after writes of its own.
    """
    if not new and not any(outcome.envelope for outcome in outcomes):
        await await_copies(connection)
    await _run(connection, COUNT_LEDGER, ledger_entries(outcomes, new))
    await _run(connection, ANNOUNCE_ENVELOPES, announcement_entries(outcomes))


async def _claim(
    connection: PoolConnectionProxy, outcomes: Sequence[EnvelopeOutcome]
) -> Sequence[EnvelopeOutcome]:
    """Drop outcomes whose envelopes were settled before, or occur twice here."""
    uncounted = [outcome for outcome in outcomes if not outcome.envelope]
    by_id = {outcome.envelope.id: outcome for outcome in outcomes if outcome.envelope}
    if not by_id:
        return uncounted
    claimed = {key for (key,) in await connection.fetch(CLAIM_ENVELOPES, list(by_id))}
    return [*uncounted, *(outcome for key, outcome in by_id.items() if key in claimed)]


async def _store(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> _Batch:
    """Store the events that are new."""
    if not rows:
        return _Batch([], all_was_new=True)
    by_id = _by_id(rows)
    known = await connection.fetch(KNOWN_EVENTS, list(by_id))
    for record in known:
        del by_id[record["id"]]
    new = _finite(list(by_id.values()))
    if not new:
        return _Batch([], all_was_new=False)
    await _add_events(connection, new)
    changes = await _update_users(connection, new)
    await _count(connection, new, changes)
    return _Batch(
        new=new,
        all_was_new=len(new) == len(rows) and len(changes.new) == len({*_user_keys(new)}),
    )


async def _store_new(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> _Batch:
    """Store events, provided that all of them and their users are new.

    Raises:
        UniqueViolationError: They are not; nothing was stored.
    """
    new = _finite(list(_by_id(rows).values()))
    await _add_events(connection, new)
    changes = match_users(new, {})
    await _copy(connection, "users", User._fields, sorted(changes.new, key=_KEY))
    await _add_return_visits(connection, changes)
    await _count(connection, new, changes)
    return _Batch(new, all_was_new=True)


def _by_id(rows: Sequence[EventRow]) -> dict[bytes, EventRow]:
    """Keep the first row of each event."""
    return {row.id: row for row in reversed(rows)}


def _user_keys(rows: Iterable[EventRow]) -> Iterator[bytes]:
    return filter(None, map(attrgetter("user_key"), rows))


def _finite(rows: list[EventRow]) -> list[EventRow]:
    """Move the calendar's first and last instant inwards: the driver would send infinities."""
    if not any(row.occurred_at in (_FIRST_INSTANT, _LAST_INSTANT) for row in rows):
        return rows
    inside = {_FIRST_INSTANT: _FIRST_INSTANT + _INSTANT, _LAST_INSTANT: _LAST_INSTANT - _INSTANT}
    return [row._replace(occurred_at=inside.get(row.occurred_at, row.occurred_at)) for row in rows]


async def _add_events(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> None:
    """Add events, in key order; their payloads as given, so that a request's are together.

    Raises:
        UniqueViolationError: One of them is stored already.
    """
    if not rows:
        return
    places = await add_payloads(connection, zip(*(map(get, rows) for get in _PACKED), strict=True))
    kinds = list(map(_kind_of, rows))
    numbers = await number_kinds(connection, set(kinds))
    ends = [(*place, numbers[kind]) for place, kind in zip(places, kinds, strict=True)]
    records = list(map(add, map(_facts_of, rows), ends))
    records.sort(key=_KEY)
    if len(records) > _FEW:
        await _copy(connection, "events", EVENT_COLUMNS, records)
    else:
        await _run(connection, ADD_EVENTS, records)


async def _count(
    connection: PoolConnectionProxy, rows: Sequence[EventRow], changes: UserChanges
) -> None:
    """Add new events and changes of users to every rollup."""
    rollups, seconds = event_rollups(rows, await connection.fetchval(SECONDS_FROM))
    await _run(connection, COUNT_EVENTS, rollups)
    await _run(connection, COUNT_SECONDS, seconds)
    await _run(connection, COUNT_CAMPAIGNS, campaign_rollups(rows))
    await _run(connection, COUNT_USERS, user_rollups(changes, rows))
    await _shrink(connection, changes)
    cities, came, left = city_rollups(changes)
    await _run(connection, COUNT_CITIES, cities)
    await _copy(connection, "city_users", CityUser._fields, came)
    await _run(connection, LEAVE_CITIES, left)


async def _update_users(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> UserChanges:
    """Update users from events."""
    keys = list({*_user_keys(rows)})
    changes = match_users(rows, await _known_users(connection, keys))
    added = await _add(connection, "users", User._fields, sorted(changes.new, key=_KEY), ADD_USERS)
    if len(added) < len(changes.new):  # others have stored some of them meanwhile
        known = await _known_users(connection, keys)
        changes = match_users(rows, {key: user for key, user in known.items() if key not in added})
    await _run(connection, CHANGE_USERS, [after for _, after in changes.changed])
    await _add_return_visits(connection, changes)
    return changes


async def _add_return_visits(connection: PoolConnectionProxy, changes: UserChanges) -> None:
    await _copy(connection, "return_visits", ("at", "user_key"), changes.return_visits)
    returned = [(it.key, it.source, it.first_at, *it[_ATTRIBUTES:]) for it in changes.returned]
    await _run(connection, COPY_RETURNED_USERS, returned)


async def _known_users(
    connection: PoolConnectionProxy, keys: Sequence[bytes]
) -> Mapping[bytes, User]:
    known = (User(*record) for record in await connection.fetch(KNOWN_USERS, keys))
    return {user.key: user for user in known}


async def _add(
    connection: PoolConnectionProxy,
    table: str,
    columns: Sequence[str],
    records: Sequence[Sequence[Any]],
    one_by_one: str,
) -> set[bytes]:
    """Add records, each beginning with its key, to a table that lacked them.

    Args:
        connection: In a transaction.
        table: The table.
        columns: The records' columns.
        records: In key order.
        one_by_one: The statement that skips records added by others meanwhile.

    Returns:
        The keys of those that were added.
    """
    if len(records) > _FEW:
        with suppress(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await _copy(connection, table, columns, records)
            return {record[0] for record in records}
    if not records:
        return set()
    added = await connection.fetch(one_by_one, *zip(*records, strict=True))
    return {key for (key,) in added}


async def _shrink(connection: PoolConnectionProxy, changes: UserChanges) -> None:
    """Find extremes again after their users changed, each granularity from the shorter one."""
    await _run(connection, SHRINK_HOURS, lost_spreads(changes, "hour"))
    for longer, shorter in _LONGER_GRANULARITIES:
        lost = [(bucket, key, *most) for bucket, key, _, *most in lost_spreads(changes, longer)]
        await _run(connection, SHRINK_LONGER, lost, longer, shorter)


async def _copy(
    connection: PoolConnectionProxy, table: str, columns: Sequence[str], records: Sequence[Any]
) -> None:
    if records:
        await connection.copy_records_to_table(table, records=records, columns=columns)


async def _run(
    connection: PoolConnectionProxy, statement: str, rows: Sequence[Sequence[Any]], *first: Any
) -> Sequence[asyncpg.Record]:
    """Run a statement that takes parallel arrays, unless they are empty."""
    return await connection.fetch(statement, *first, *zip(*rows, strict=True)) if rows else ()


def _row(letter: DeadLetter) -> tuple[Any, ...]:
    return (
        letter.id.bytes,
        letter.reason,
        letter.source,
        letter.event_id,
        letter.fault.field,
        letter.fault.code,
        letter.fault.message,
        letter.correlation_id,
        letter.accepted_at,
        letter.payload,
        letter.trace_parent,
        letter.elements,
        letter.channel,
    )
