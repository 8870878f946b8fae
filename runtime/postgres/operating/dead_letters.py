"""The operator's dead letters on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.errors import Fault, Unavailable
from functions.operator.ports import (
    Happening,
    KeptLetter,
    LetterCount,
    LetterFilter,
    LetterHead,
    Place,
    Settled,
    Settlement,
)
from runtime.postgres.errors import translated
from runtime.postgres.retention import (
    find_too_old,
    is_too_old,
    read_kept_from,
    too_old_fault,
)
from runtime.postgres.sql import load
from runtime.postgres.storing.store import ATTEMPTS, MEANWHILE, store_within
from runtime.postgres.transactions import await_copies, committed
from runtime.telemetry.reasons import Reason

PAGE = load(__file__, "letters_page")
READ = load(__file__, "letters_read")
COUNT = load(__file__, "letters_count")
FIND = load(__file__, "letter_find")
HISTORY = load(__file__, "letter_history")
LOCK = load(__file__, "letters_lock")
SETTLE = load(__file__, "letters_settle")
DISCARD = load(__file__, "letters_discard")
REOPEN = load(__file__, "letters_reopen")

_READ_BYTES: Final = 8 * 1024**2
"""How many payload bytes are held at once, unless a single letter is larger."""

_ALIVE: Final = Fault("", "", "")


class _DryRun(Exception):
    """Rolls a dry run back."""


class PostgresDeadLetters:
    """Shows, replays and discards dead letters; implements ``DeadLetters``.

    A letter's new state and the record of the change are one transaction.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, letter_id: UUID) -> KeptLetter | None:
        """Find a letter; see ``DeadLetters``."""
        with translated():
            found = await self._pool.fetchrow(FIND, letter_id.bytes)
            if found is None:
                return None
            history = await self._pool.fetch(HISTORY, letter_id.bytes)
        return _kept(found, [Happening(*happening) for happening in history])

    async def page(
        self, wanted: LetterFilter, *, before: Place | None, limit: int
    ) -> Sequence[LetterHead]:
        """List letters; see ``DeadLetters``."""
        with translated():
            found = await self._pool.fetch(PAGE, *_filter(wanted), *_place(before), limit)
        return [head_of(record) for record in found]

    async def count(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """Count letters; see ``DeadLetters``."""
        with translated():
            return [
                LetterCount(*count) for count in await self._pool.fetch(COUNT, *_filter(wanted))
            ]

    async def read(
        self, wanted: LetterFilter, *, after: Place | None, limit: int
    ) -> Sequence[KeptLetter]:
        """Read letters with their bytes; see ``DeadLetters``."""
        with translated():
            found = await self._pool.fetch(
                READ, *_filter(wanted), *_place(after), limit, _READ_BYTES
            )
        return [_kept(record, ()) for record in found]

    async def settle(
        self, settlements: Sequence[Settlement], *, correlation_id: str, dry_run: bool
    ) -> Settled:
        """Store the results of replays; see ``DeadLetters``."""
        for _ in range(ATTEMPTS):
            try:
                async with self._transaction(dry_run=dry_run) as connection:
                    settled = await _settle(connection, settlements, correlation_id)
            except MEANWHILE:
                continue
            return settled
        raise Unavailable(Reason.OTHERS_STORE)

    async def discard(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Discard letters; see ``DeadLetters``."""
        async with self._transaction(dry_run=dry_run) as connection:
            discarded = await connection.fetch(DISCARD, *_filter(wanted), correlation_id)
        return len(discarded)

    async def reopen(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Reopen letters; see ``DeadLetters``."""
        async with self._transaction(dry_run=dry_run) as connection:
            reopened = await connection.fetch(REOPEN, *_filter(wanted), correlation_id)
        return len(reopened)

    @asynccontextmanager
    async def _transaction(self, *, dry_run: bool) -> AsyncIterator[PoolConnectionProxy]:
        """Open a transaction; a dry run's is rolled back at the end."""
        with suppress(_DryRun):
            async with committed(self._pool, but=MEANWHILE) as connection:
                yield connection
                if dry_run:
                    raise _DryRun
                await await_copies(connection)  # another call may have written everything


async def _settle(
    connection: PoolConnectionProxy, settlements: Sequence[Settlement], correlation_id: str
) -> Settled:
    held = await connection.fetch(LOCK, [each.letter_id.bytes for each in settlements])
    still_open = {record["id"] for record in held}
    ours = [each for each in settlements if each.letter_id.bytes in still_open]
    if not ours:
        return Settled()
    ours = await _without_too_old(connection, ours)
    stored = await store_within(
        connection,
        [row for each in ours for row in each.rows],
        [letter for each in ours for letter in each.letters],
        [notice for each in ours for notice in each.notices],
    )
    ended = [each for each in ours if not each.more]
    if ended:
        outcomes = zip(*map(_outcome, ended), strict=True)
        await connection.fetch(SETTLE, correlation_id, *outcomes)
    failed = sum(each.fault is not None for each in ended)
    return Settled(len(ended) - failed, failed, stored.new, stored.duplicates)


async def _without_too_old(
    connection: PoolConnectionProxy, settlements: Sequence[Settlement]
) -> list[Settlement]:
    """Leave a letter unchanged if its only event is too old.

    For a letter with more events, the store makes a letter of each that is too old.
    """
    kept_from = await read_kept_from(connection)
    alone = [each for each in settlements if _is_alone(each)]
    too_old = await find_too_old(connection, [each.rows[0] for each in alone], kept_from)
    if kept_from is None or not too_old:
        return list(settlements)
    fault = too_old_fault(kept_from)
    return [
        Settlement(each.letter_id, fault=fault)
        if _is_alone(each) and is_too_old(each.rows[0], kept_from, too_old)
        else each
        for each in settlements
    ]


def _is_alone(settlement: Settlement) -> bool:
    """Return whether a letter consists of exactly one event."""
    return (
        len(settlement.rows) == 1
        and not settlement.letters
        and not settlement.more
        and not settlement.earlier
    )


def _outcome(settlement: Settlement) -> tuple[Any, ...]:
    fault, rows = settlement.fault or _ALIVE, settlement.rows
    events = settlement.earlier + len(rows) + len(settlement.notices)
    return (
        settlement.letter_id.bytes,
        settlement.fault is None,
        rows[0].id if rows and events == 1 else None,
        events,
        fault.field,
        fault.code,
        fault.message,
    )


def _filter(wanted: LetterFilter) -> tuple[Any, ...]:
    return (
        wanted.id and wanted.id.bytes,
        wanted.reason,
        wanted.source,
        wanted.field,
        wanted.state,
        wanted.period.start,
        wanted.period.end,
    )


def _place(place: Place | None) -> tuple[Any, Any]:
    return (None, None) if place is None else (place.accepted_at, place.id.bytes)


def head_of(record: asyncpg.Record) -> LetterHead:
    """Read a letter's head from the first columns of a record."""
    key, *rest = (record[name] for name in LetterHead.__slots__)
    return LetterHead(UUID(bytes=key), *rest)


def _kept(record: asyncpg.Record, history: Sequence[Happening]) -> KeptLetter:
    return KeptLetter(head_of(record), record["event_id"], record["payload"], history)
