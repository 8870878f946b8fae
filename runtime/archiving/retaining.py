"""Delete old events once they are archived; restore them; verify that all are there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from time import monotonic
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.events import Source
from runtime.archiving.days import read_day, read_manifest, write_day
from runtime.archiving.errors import ArchiveFailed
from runtime.archiving.manifest import ArchiveManifest, DayOfSource
from runtime.archiving.pages import Page, StoredRow
from runtime.archiving.places import ArchivePlace
from runtime.postgres.event_kinds import EventKind, number_kinds
from runtime.postgres.payloads import Arrival, add_payloads
from runtime.postgres.retention import KEPT_FROM
from runtime.postgres.sql import load
from runtime.postgres.storing.erasing import ERASED, ERASED_USERS
from runtime.postgres.storing.retracting import FIND_RETRACTIONS, LOCK_RETRACTIONS
from runtime.postgres.storing.store import EVENT_COLUMNS, take_back
from runtime.postgres.transactions import committed

TODAY = load(__file__, "archive_today")
MOVE_KEPT_FROM = load(__file__, "move_kept_from")
DUE = load(__file__, "archive_due")
DAYS = load(__file__, "archive_days")
NOTE = load(__file__, "archive_note")
MINUTES = load(__file__, "archive_minutes")
DROP = load(__file__, "archive_drop")
CLEAR = load(__file__, "archive_clear")
DROP_LETTERS = load(__file__, "drop_letters")
DROP_LEDGER = load(__file__, "drop_ledger")

_ONE_ARCHIVE: Final = 0x45505304
"""Key of the advisory lock that lets one `eps archive` work at a time: "EPS" and 4."""

_DROP_EVENTS: Final = 5_000
"""Events of one transaction, exceeded only to complete a minute: some tens of milliseconds."""

_DROP_OTHERS: Final = 5_000

_LOCK_TRIES: Final = 30

_FACTS: Final = attrgetter(*(name for name in EVENT_COLUMNS if name in StoredRow._fields))
_KIND: Final = attrgetter(*EventKind._fields)
_ARRIVAL: Final = attrgetter(*Arrival._fields)

Tell = Callable[[str], None]
"""Called at each step; an error that it raises stops the work, which the next run continues."""


class KnownDay(NamedTuple):
    """A day that is archived, or is to be deleted.

    Attributes:
        key: The day and its source.
        events: How many it has, by the rollups.
        revenue: Their revenue, by the rollups.
        digest: Of its manifest; None if it is not archived.
        dropped_until: Its rows before then are deleted; its start if all are there.
    """

    key: DayOfSource
    events: int
    revenue: Decimal
    digest: str | None
    dropped_until: datetime


@asynccontextmanager
async def alone(pool: asyncpg.Pool) -> AsyncIterator[None]:
    """Make sure that only one process archives, restores or checks.

    Raises:
        ArchiveFailed: Another one is working.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ONE_ARCHIVE):
            raise ArchiveFailed("another eps archive is running on this database")
        yield  # the pool releases the lock with the connection


async def let_events_go(
    pool: asyncpg.Pool, place: ArchivePlace, keep_days: int, *, restored: bool, tell: Tell
) -> AsyncIterator[KnownDay]:
    """Archive and delete the events of days that ended so many days ago, oldest first.

    Each step can be the last: the next run continues where this one ended.

    Args:
        pool: With the rights of the owner.
        place: Where the archive is.
        keep_days: Whole days of UTC, by the database's clock, without today.
        restored: Whether restored days are deleted as well.
        tell: Called at each step.

    Yields:
        Each day when it is deleted.

    Raises:
        ArchiveFailed: An archive is wrong; its day stays.
        Unavailable: The database can't be asked now.
    """
    until = await _today(pool) - timedelta(days=keep_days)
    tell("stopping to accept events of these days")
    await _move_kept_from(pool, until)
    for record in await pool.fetch(DUE, until, restored):
        day = _known(record)
        yield await _let_go(pool, place, day, tell)


async def _let_go(pool: asyncpg.Pool, place: ArchivePlace, day: KnownDay, tell: Tell) -> KnownDay:
    digest = day.digest
    if digest is None:
        tell(f"{day.key}: reading {day.events} events")
        digest = await write_day(
            pool, place, day.key, lambda events: tell(f"{day.key}: {events} of {day.events} read")
        )
        tell(f"{day.key}: written")
    prove(place, day._replace(digest=digest), tell)
    await pool.fetch(NOTE, day.key.start, day.key.source, digest)
    tell(f"{day.key}: recorded in the database")
    await _drop(pool, day, tell)
    return day


def prove(place: ArchivePlace, day: KnownDay, tell: Tell) -> ArchiveManifest:
    """Read an archived day back, and compare it with its manifest and with the rollups.

    Raises:
        ArchiveFailed: They differ, or it can't be read.
    """
    manifest = read_manifest(place, day.key, day.digest)
    if (manifest.events, Decimal(manifest.revenue)) != (day.events, day.revenue):
        raise ArchiveFailed(
            f"{day.key}: the archive has {manifest.events} events with a revenue of "
            f"{manifest.revenue}, the rollups have {day.events} with {day.revenue}"
        )
    number = 0
    for rows in read_day(place, day.key, manifest):
        number += len(rows)
        tell(f"{day.key}: {number} of {day.events} verified")
    return manifest


async def _drop(pool: asyncpg.Pool, day: KnownDay, tell: Tell) -> None:
    """Delete the rows of a day, some minutes at a time, and rest as long as each step took."""
    key, start, number = day.key, day.dropped_until, 0
    minutes = await pool.fetch(MINUTES, start, key.end, key.source)
    for until in _cuts(minutes, key.end):
        began = monotonic()
        async with committed(pool) as connection:
            gone = await connection.fetchval(DROP, key.start, key.source, until, start)
        if gone is None:
            raise ArchiveFailed(f"{key}: another process changed its record meanwhile")
        start, number = until, number + gone
        tell(f"{key}: {number} of {day.events} dropped")
        await asyncio.sleep(monotonic() - began)


def _cuts(minutes: Sequence[asyncpg.Record], end: datetime) -> Iterator[datetime]:
    """Return where steps end: minutes with some thousand events, the last up to the end."""
    events = 0
    for minute in minutes:
        if events >= _DROP_EVENTS:
            yield minute["minute"]
            events = 0
        events += minute["events"]
    yield end


async def known_days(
    pool: asyncpg.Pool, days: Sequence[date] | None, source: Source | None
) -> list[KnownDay]:
    """List the archived days, oldest first.

    Raises:
        ArchiveFailed: A requested one is not archived.
    """
    known = map(_known, await pool.fetch(DAYS, source))
    found = [day for day in known if days is None or day.key.day in days]
    missing = set(days or ()) - {day.key.day for day in found}
    if missing:
        listed = ", ".join(map(str, sorted(missing)))
        raise ArchiveFailed(f"not archived by this database: {listed}")
    return found


async def restore(pool: asyncpg.Pool, place: ArchivePlace, day: KnownDay, tell: Tell) -> bool:
    """Restore the rows of a day, all or none, in one transaction.

    Nothing is counted a second time: the rollups have stayed.

    Returns:
        Whether they had been deleted.

    Raises:
        ArchiveFailed: The archive is wrong, or has an event that came again
            meanwhile; nothing was restored.
    """
    key = day.key
    if day.dropped_until == key.start:
        return False
    manifest = prove(place, day, tell)
    number = 0
    try:
        async with committed(pool, but=(asyncpg.UniqueViolationError,)) as connection:
            await connection.fetchval(LOCK_RETRACTIONS, True)  # noqa: FBT003 - alone
            await connection.fetchval(CLEAR, key.start, key.source, key.end)
            for rows in read_day(place, key, manifest):
                await _put_back(connection, [StoredRow(*row) for row in rows])
                number += len(rows)
                tell(f"{key}: {number} of {day.events} restored")
    except asyncpg.UniqueViolationError as error:
        raise ArchiveFailed(
            f"{key}: an event of this day was received again with a later time and is stored with "
            f"that time; it can't be stored twice ({error.detail})"
        ) from error
    return True


async def _put_back(connection: PoolConnectionProxy, rows: Page) -> None:
    """Store rows of one source as they were, but for those taken back or erased since."""
    users = list({row.user_key for row in rows if row.user_key is not None})
    erased = dict(map(tuple, await connection.fetch(ERASED_USERS, users)))
    rows = [
        row._replace(payload=ERASED)
        if row.user_key in erased and row.stored_at <= erased[row.user_key]
        else row
        for row in rows
    ]
    places = await add_payloads(
        connection,
        [(row.source, row.occurred_at, _ARRIVAL(row), row.event_id, row.payload) for row in rows],
    )
    kinds = await number_kinds(connection, {_KIND(row) for row in rows})
    records = [
        (*_FACTS(row), *place, kinds[_KIND(row)]) for row, place in zip(rows, places, strict=True)
    ]
    await connection.copy_records_to_table("events", records=records, columns=EVENT_COLUMNS)
    retracted = await connection.fetch(FIND_RETRACTIONS, [row.id for row in rows])
    await take_back(connection, {key for (key,) in retracted})


async def forget_letters(pool: asyncpg.Pool, keep_days: int, tell: Tell) -> int:
    """Delete dead letters older than so many days that are not open; returns how many."""
    return await _forget(pool, DROP_LETTERS, keep_days, tell, "dead letters")


async def forget_ledger(pool: asyncpg.Pool, keep_days: int, tell: Tell) -> int:
    """Delete balanced ledger entries older than so many days; returns how many."""
    return await _forget(pool, DROP_LEDGER, keep_days, tell, "ledger entries")


async def _forget(pool: asyncpg.Pool, statement: str, keep_days: int, tell: Tell, what: str) -> int:
    before = await _today(pool) - timedelta(days=keep_days)
    number = 0
    while True:
        began = monotonic()
        async with committed(pool) as connection:
            gone = await connection.fetch(statement, before, _DROP_OTHERS)
        if not gone:
            return number
        number += len(gone)
        tell(f"{number} {what} dropped")
        await asyncio.sleep(monotonic() - began)


async def _today(pool: asyncpg.Pool) -> datetime:
    today: datetime = await pool.fetchval(TODAY)
    return today


async def _move_kept_from(pool: asyncpg.Pool, until: datetime) -> None:
    """Accept no events before a time; every transaction storing some has ended when this returns.

    Raises:
        ArchiveFailed: A transaction that stores events, or a backup, went on for too long.
    """
    kept_from = await pool.fetchval(KEPT_FROM)
    if kept_from is not None and kept_from >= until:
        return
    for _ in range(_LOCK_TRIES):
        try:
            async with committed(pool, but=(asyncpg.LockNotAvailableError,)) as connection:
                await connection.execute("SET LOCAL lock_timeout = '1s'")
                await connection.execute("LOCK TABLE retention IN ACCESS EXCLUSIVE MODE")
                await connection.fetchval(MOVE_KEPT_FROM, until)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(1)
            continue
        return
    raise ArchiveFailed(
        "a transaction that may store old events, or a backup, is still running: try again when it "
        "has ended"
    )


def _known(record: asyncpg.Record) -> KnownDay:
    start: datetime = record["day"]
    return KnownDay(
        DayOfSource(start.date(), record["source"]),
        record["events"],
        record["revenue"],
        record["digest"],
        record["dropped_until"] or start,
    )
