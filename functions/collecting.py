"""What every collector does with a batch: judge each event alone, store the good, keep the bad."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from functions.errors import Fault, Refused
from functions.events import Source
from functions.judging import InvalidEvent, judge
from functions.ports import DeadLetter, EventStore, Part, Stored
from functions.rows import EventRow, event_key, user_key
from functions.shapes import Event, FacebookEvent, TiktokEvent

OwnEvent = TypeVar("OwnEvent", FacebookEvent, TiktokEvent)

ToRow = Callable[[OwnEvent, Part, bytes], EventRow]
"""Makes the row of an event of the collector's source, its part and its bytes."""

EngagementColumns = tuple[
    Decimal | None,  # revenue
    str | None,  # campaign_id
    str | None,  # watch_country
    str | None,  # watch_device
    float | None,  # watch_seconds
    float | None,  # percentage_watched
]
"""The columns of a row that depend on its source and stage, in their order."""

UserColumns = tuple[
    int | None,  # age
    str | None,  # gender
    int | None,  # followers
    str | None,  # country
    str | None,  # city
]
"""The columns of a row that say who caused it, in their order."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a batch came to; each of its events is one of these.

    Attributes:
        stored: Events written now.
        duplicates: Events that were there already: a redelivery, not a fault.
        rejected: Invalid events, kept as dead letters.
        refused: Events that the database would not keep, kept as dead letters.
    """

    stored: int
    duplicates: int
    rejected: int
    refused: int


async def collect(
    source: Source,
    shapes: tuple[type[OwnEvent], ...],
    parts: Sequence[Part],
    to_row: ToRow[OwnEvent],
    store: EventStore,
) -> Collected:
    """Store a batch of events of one source, each once.

    Safe to repeat: the store skips what it has.

    Args:
        source: Whose events.
        shapes: What they are read as; another source's are rejected.
        parts: Raw events in delivery order.
        to_row: Makes their rows.
        store: Where rows are kept.

    Raises:
        Unavailable: Part of the batch may be stored; it may be sent again.
    """
    rows: list[EventRow] = []
    dead: list[DeadLetter] = []
    for part in parts:
        for position, raw in enumerate(part.events):
            try:
                rows.append(to_row(_judge_own(source, shapes, raw), part, raw))
            except InvalidEvent as invalid:
                dead.append(rejected(part, position, raw, invalid))
        await asyncio.sleep(0)  # health checks and the other batch have their turn
    stored, refused = await _store(rows, store)
    await store.keep(dead + refused)
    return Collected(stored.new, stored.duplicates, len(dead), len(refused))


def make_row(
    event: Event, part: Part, raw: bytes, engagement: EngagementColumns, user: UserColumns
) -> EventRow:
    """Make a row: the columns that every event has, around those of its source and stage."""
    source, event_id = event.source, event.event_id
    return EventRow(
        event_key(source, event_id),
        user_key(source, event.data.user.user_id),
        event.timestamp,
        part.accepted_at,
        source,
        event.funnel_stage,
        event.event_type,
        event_id,
        part.correlation_id,
        *engagement,
        raw.decode(),
        *user,
    )


def _judge_own(source: Source, shapes: tuple[type[OwnEvent], ...], raw: bytes) -> OwnEvent:
    event = judge(raw)
    if isinstance(event, shapes):
        return event
    fault = Fault("source", "literal_error", f"Input should be '{source}'")
    raise InvalidEvent(fault, event_id=event.event_id, source=event.source)


async def _store(rows: Sequence[EventRow], store: EventStore) -> tuple[Stored, list[DeadLetter]]:
    """Store rows; where the store refuses some, halve the batch until it is clear which."""
    try:
        return await store.store(rows), []
    except Refused as refusal:
        if len(rows) == 1:
            return Stored(0, 0), [_refused(rows[0], refusal)]
    middle = len(rows) // 2
    first, refused_first = await _store(rows[:middle], store)
    second, refused_second = await _store(rows[middle:], store)
    both = Stored(first.new + second.new, first.duplicates + second.duplicates)
    return both, refused_first + refused_second


def rejected(part: Part, position: int, raw: bytes, invalid: InvalidEvent) -> DeadLetter:
    """Make the dead letter of an invalid event at its place in a part."""
    return DeadLetter(
        reason="rejected",
        fault=invalid.fault,
        payload=raw,
        position=position,
        source=invalid.source,
        event_id=invalid.event_id,
        correlation_id=part.correlation_id,
        accepted_at=part.accepted_at,
    )


def _refused(row: EventRow, refusal: Refused) -> DeadLetter:
    return DeadLetter(
        reason="refused",
        fault=Fault("", refusal.code, str(refusal)),
        payload=row.payload.encode(),
        position=0,
        source=row.source,
        event_id=row.event_id,
        correlation_id=row.correlation_id,
        accepted_at=row.accepted_at,
    )
