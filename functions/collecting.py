"""What every collector does with a batch: judge each event alone, store the good, keep the bad."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from functions.errors import Fault, Refused
from functions.events import EventRow, InvalidEvent, Source, parse
from functions.ports import DeadLetter, EventStore, Part, Stored

ToRow = Callable[[Any, Part, bytes], EventRow]
"""Makes the row of a parsed event of the collector's source, its part and its bytes."""


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
    source: Source, parts: Sequence[Part], to_row: ToRow, store: EventStore
) -> Collected:
    """Store a batch of events of one source, each once.

    Safe to repeat: the store skips what it has.

    Raises:
        Unavailable: Part of the batch may be stored; it may be sent again.
    """
    rows, rejected = await _judge(source, parts, to_row)
    stored, refused = await _store(rows, store)
    await store.keep(rejected + refused)
    return Collected(stored.new, stored.duplicates, len(rejected), len(refused))


async def _judge(
    source: Source, parts: Sequence[Part], to_row: ToRow
) -> tuple[list[EventRow], list[DeadLetter]]:
    rows: list[EventRow] = []
    letters: list[DeadLetter] = []
    for part in parts:
        for position, raw in enumerate(part.events):
            try:
                rows.append(to_row(_parse_own(source, raw), part, raw))
            except InvalidEvent as invalid:
                letters.append(_rejected(part, position, raw, invalid))
        await asyncio.sleep(0)  # health checks and the other batch have their turn
    return rows, letters


def _parse_own(source: Source, raw: bytes) -> Any:
    event = parse(raw)
    if event["source"] != source:
        fault = Fault("source", "literal_error", f"Input should be '{source}'")
        raise InvalidEvent(fault, event_id=event["eventId"], source=event["source"])
    return event


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


def _rejected(part: Part, position: int, raw: bytes, invalid: InvalidEvent) -> DeadLetter:
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
