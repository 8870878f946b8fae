"""The store of events and dead letters on PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Unavailable
from functions.ports import DeadLetter, Stored
from functions.rows import EventRow
from runtime.postgres.errors import translated
from runtime.postgres.event_figures import campaign_figures, event_figures
from runtime.postgres.spans import Span
from runtime.postgres.sql import load
from runtime.postgres.user_figures import city_figures, lost_spreads, user_figures
from runtime.postgres.users import Met, User, meet

KNOWN_EVENTS = load("known_events")
KNOWN_USERS = load("known_users")
ADD_USERS = load("add_users")
CHANGE_USERS = load("change_users")
COUNT_EVENTS = load("count_events")
COUNT_CAMPAIGNS = load("count_campaigns")
COUNT_USERS = load("count_users")
COUNT_CITIES = load("count_cities")
SHRINK_HOURS = load("shrink_hours")
SHRINK_LONGER = load("shrink_longer")
STORE_DEAD_LETTERS = load("store_dead_letters")

_ATTEMPTS = 5
"""How often a batch is tried when others store the same events or users meanwhile."""

_MEANWHILE: Final = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
"""What says that another transaction stores the same."""

_FEW_USERS: Final = 50
"""Up to here, inserting users one by one costs less than a copy and its savepoint."""

_EVENT_COLUMNS: Final = EventRow._fields[: EventRow._fields.index("payload") + 1]
_LONGER_SPANS: Final[tuple[tuple[Span, Span], ...]] = (("day", "hour"), ("month", "day"))
_FIRST_INSTANT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)


class PostgresEventStore:
    """Keeps events and dead letters; implements ``EventStore``.

    Each call is one transaction: events, users and the figures fed from them
    are committed together or not at all. All of them are touched in one order,
    table by table and by key, so that stores never wait for each other in a ring.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Store events; see ``EventStore``.

        What is there already is looked up first, and the rest is copied into
        the table: half the cost of an insert that skips conflicts. Who stores
        the same events in between makes the copy fail, and all is tried again.
        """
        for _ in range(_ATTEMPTS):
            try:
                async with self._transaction() as connection:
                    new = await _store(connection, rows)
                return Stored(new, len(rows) - new)
            except _MEANWHILE:
                continue
        raise Unavailable("others store the same events at the same time")

    async def keep(self, letters: Sequence[DeadLetter]) -> Stored:
        """Store dead letters; see ``DeadLetterStore``."""
        if not letters:
            return Stored(0, 0)
        with translated():
            new = await self._pool.fetch(STORE_DEAD_LETTERS, *zip(*map(_row, letters), strict=True))
        return Stored(len(new), len(letters) - len(new))

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[PoolConnectionProxy]:
        with translated(but=_MEANWHILE):
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection


async def _store(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> int:
    """Store those events that are new; return how many."""
    new = await _new(connection, rows)
    if not new:
        return 0
    copied = map(itemgetter(slice(len(_EVENT_COLUMNS))), new)
    await connection.copy_records_to_table("events", records=copied, columns=_EVENT_COLUMNS)
    met = await _meet(connection, new)
    await _run(connection, COUNT_EVENTS, event_figures(new))
    await _run(connection, COUNT_CAMPAIGNS, campaign_figures(new))
    await _run(connection, COUNT_USERS, user_figures(met, new))
    await _shrink(connection, met)
    await _run(connection, COUNT_CITIES, city_figures(met))
    return len(new)


async def _new(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> list[EventRow]:
    """Find the events that are not stored, in the order of their keys; of equal ones, the first."""
    by_id = {row.id: row for row in reversed(rows)}
    known = await connection.fetch(KNOWN_EVENTS, list(by_id))
    for record in known:
        del by_id[record["id"]]
    return _finite(sorted(by_id.values(), key=attrgetter("id")))


def _finite(rows: list[EventRow]) -> list[EventRow]:
    """Move the first and the last instant of the calendar inwards: the driver sends infinities."""
    if not any(row.occurred_at in (_FIRST_INSTANT, _LAST_INSTANT) for row in rows):
        return rows
    inside = {_FIRST_INSTANT: _FIRST_INSTANT + _INSTANT, _LAST_INSTANT: _LAST_INSTANT - _INSTANT}
    return [row._replace(occurred_at=inside.get(row.occurred_at, row.occurred_at)) for row in rows]


async def _meet(connection: PoolConnectionProxy, rows: Sequence[EventRow]) -> Met:
    """Write what events say about users."""
    keys = list({row.user_key for row in rows})
    met = meet(rows, await _known_users(connection, keys))
    added = await _add(connection, sorted(met.new))
    if len(added) < len(met.new):  # others have met some of them meanwhile
        known = await _known_users(connection, keys)
        met = meet(rows, {key: user for key, user in known.items() if key not in added})
    await _run(connection, CHANGE_USERS, [after for _, after in met.changed])
    await _copy(connection, "returns", ("at", "user_key"), met.returns)
    return met


async def _known_users(
    connection: PoolConnectionProxy, keys: Sequence[bytes]
) -> Mapping[bytes, User]:
    known = (User(*record) for record in await connection.fetch(KNOWN_USERS, keys))
    return {user.key: user for user in known}


async def _add(connection: PoolConnectionProxy, users: Sequence[User]) -> set[bytes]:
    """Add users; return the keys of those whom nobody else has added meanwhile."""
    if len(users) > _FEW_USERS:
        with suppress(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await _copy(connection, "users", User._fields, users)
            return {user.key for user in users}
    if not users:
        return set()
    added = await connection.fetch(ADD_USERS, *zip(*users, strict=True))
    return {record["key"] for record in added}


async def _shrink(connection: PoolConnectionProxy, met: Met) -> None:
    """Find extremes again where those who had them have changed, in each span from the shorter."""
    await _run(connection, SHRINK_HOURS, lost_spreads(met, "hour"))
    for longer, shorter in _LONGER_SPANS:
        lost = [(bucket, key, *most) for bucket, key, _, *most in lost_spreads(met, longer)]
        await _run(connection, SHRINK_LONGER, lost, longer, shorter)


async def _copy(
    connection: PoolConnectionProxy, table: str, columns: Sequence[str], records: Sequence[Any]
) -> None:
    if records:
        await connection.copy_records_to_table(table, records=records, columns=columns)


async def _run(
    connection: PoolConnectionProxy, statement: str, rows: Sequence[Sequence[Any]], *first: Any
) -> None:
    """Run a statement that takes parallel arrays, if there is anything in them."""
    if rows:
        await connection.fetch(statement, *first, *zip(*rows, strict=True))


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
    )
