"""Events older than what is kept: it is unknown whether they are new."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg.pool import PoolConnectionProxy

from functions.errors import Fault
from functions.events.rows import EventRow
from runtime.postgres.sql import load

KEPT_FROM = load(__file__, "kept_from")
KNOWN_EVENTS = load(__file__, "known_events")


async def read_kept_from(connection: PoolConnectionProxy) -> datetime | None:
    """Read from when on events are accepted, and hold that until the transaction ends.

    Returns:
        None if events of any time are accepted.
    """
    kept_from: datetime | None = await connection.fetchval(KEPT_FROM)
    return kept_from


async def find_too_old(
    connection: PoolConnectionProxy, rows: Sequence[EventRow], kept_from: datetime | None
) -> frozenset[bytes]:
    """Find the events before ``kept_from`` that are not stored; returns their keys.

    Those that are stored are duplicates like any others.
    """
    if kept_from is None:
        return frozenset()
    old = {row.id for row in rows if row.occurred_at < kept_from}
    if not old:
        return frozenset()
    known = await connection.fetch(KNOWN_EVENTS, list(old))
    return frozenset(old.difference(record["id"] for record in known))


def is_too_old(row: EventRow, kept_from: datetime, too_old: frozenset[bytes]) -> bool:
    """Return whether a row is too old; another row of its event may have a later time."""
    return row.id in too_old and row.occurred_at < kept_from


def too_old_fault(kept_from: datetime) -> Fault:
    """Make the fault of an event that is too old."""
    message = f"Should not be before {kept_from:%Y-%m-%d}: older events were archived and deleted"
    return Fault("timestamp", "too_old", message)
