"""Take events back: out of the events, the rollups and their users, once."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.events.rows import EventRow
from functions.senders.notices import NoticeRow, RetractionRow
from runtime.postgres.sql import load
from runtime.postgres.storing.event_rollups import CampaignRollup, EventRollup, SecondRollup
from runtime.postgres.storing.users import User

LOCK_RETRACTIONS = load(__file__, "lock_retractions")
KNOWN_RETRACTED = load(__file__, "known_retracted")
FIND_RETRACTIONS = load(__file__, "find_retractions")
ADD_CHANNEL_VISITS = load(__file__, "add_channel_visits")
TAKE_BACK_EVENTS = load(__file__, "take_back_events")
USERS_LEFT = load(__file__, "users_left")
TAKE_BACK_VISITS = load(__file__, "take_back_visits")
TAKE_BACK_USERS = load(__file__, "take_back_users")
TAKE_BACK_RETURNED_USERS = load(__file__, "take_back_returned_users")

_NO_FACTS: Final = dict.fromkeys(EventRow._fields)


class LeftUser(NamedTuple):
    """A user after some events were taken back.

    Attributes:
        before: As stored.
        after: As it is now; None if no event is left.
        returns: Whether it has a return visit.
    """

    before: User
    after: User | None
    returns: bool


async def lock_retractions(
    connection: PoolConnectionProxy, rows: Sequence[EventRow], notices: Sequence[NoticeRow]
) -> bool:
    """Make sure that an event and its retraction see each other; native events need nothing.

    Returns:
        Whether there may be something to take back.
    """
    alone = any(isinstance(notice, RetractionRow) for notice in notices)
    if not alone and all(row.channel == "native" for row in rows):
        return False
    await connection.fetchval(LOCK_RETRACTIONS, alone)
    return True


async def without_retracted(
    connection: PoolConnectionProxy, rows: Sequence[EventRow]
) -> Sequence[EventRow]:
    """Leave out events that were stored and taken back before: they are duplicates."""
    foreign = [row.id for row in rows if row.channel != "native"]
    known = {key for (key,) in await connection.fetch(KNOWN_RETRACTED, foreign)}
    return [row for row in rows if row.id not in known] if known else rows


async def keys_to_take_back(
    connection: PoolConnectionProxy, new: Sequence[EventRow], notices: Sequence[NoticeRow]
) -> set[bytes]:
    """Name the events that new retractions, or those there were before, take back."""
    foreign = [row.id for row in new if row.channel != "native"]
    found = {key for (key,) in await connection.fetch(FIND_RETRACTIONS, foreign)}
    return found | {it.retracted_key for it in notices if isinstance(it, RetractionRow)}


async def add_channel_visits(connection: PoolConnectionProxy, new: Sequence[EventRow]) -> None:
    """Add new events to those of their users that did not come natively."""
    visits = [
        (row.user_key, row.occurred_at, row.id)
        for row in new
        if row.channel != "native" and row.user_key is not None
    ]
    if visits:
        await connection.fetch(ADD_CHANNEL_VISITS, *zip(*visits, strict=True))


async def take_back_events(
    connection: PoolConnectionProxy, keys: Collection[bytes]
) -> Sequence[EventRow]:
    """Move events out of the events; returns those that were there, with what rollups count."""
    found = await connection.fetch(TAKE_BACK_EVENTS, sorted(keys))
    return [EventRow(**{**_NO_FACTS, **dict(record)}) for record in found]


async def users_after(
    connection: PoolConnectionProxy, known: Mapping[bytes, User]
) -> list[LeftUser]:
    """Find what is left of the users of events that were taken back.

    Args:
        connection: In the transaction that took the events back and locked the users.
        known: The users as stored.
    """
    left = {row["key"]: row for row in await connection.fetch(USERS_LEFT, list(known))}
    return [_left(user, left.get(user.key)) for user in known.values()]


def _left(user: User, left: asyncpg.Record | None) -> LeftUser:
    if left is None:
        return LeftUser(user, None, returns=False)
    after = user._replace(
        first_at=left["first_at"], newest_at=left["newest_at"], newest_id=left["newest_id"]
    )
    return LeftUser(user, after, returns=left["events"] > 1)


def lost_visits(
    users: Sequence[LeftUser], taken: Sequence[EventRow]
) -> Iterator[tuple[datetime, bytes]]:
    """List the return visits that are none any more: of those taken back, or the first now."""
    times = Counter((row.user_key, row.occurred_at) for row in taken)
    for before, after, _ in users:
        if times[before.key, before.first_at]:
            times[before.key, before.first_at] -= 1
            if after is not None:
                times[before.key, after.first_at] += 1
    for (key, at), number in times.items():
        if key is not None:
            for _ in range(number):
                yield at, key


def negative(
    rollups: tuple[Sequence[EventRollup], Sequence[SecondRollup]],
    campaigns: Sequence[CampaignRollup],
) -> tuple[list[EventRollup], list[SecondRollup], list[CampaignRollup]]:
    """Turn additions into subtractions."""
    longer, seconds = rollups
    return (
        [
            it._replace(events=-it.events, transactions=-it.transactions, revenue=-it.revenue)
            for it in longer
        ],
        [
            it._replace(events=-it.events, transactions=-it.transactions, revenue=-it.revenue)
            for it in seconds
        ],
        [it._replace(transactions=-it.transactions, revenue=-it.revenue) for it in campaigns],
    )
