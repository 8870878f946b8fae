"""Process a collector's batch: judge each event on its own, store the valid, keep the invalid."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, starmap

from functions.errors import Fault, Refused
from functions.events import Source
from functions.events.judging import InvalidEvent, judge
from functions.events.rows import EventRow
from functions.events.sources import FORMS, Event
from functions.halves import halves
from functions.letters import letter_of_event, letter_of_row
from functions.messages import AcceptedBatch, DeadLetter, EnvelopeOutcome, Stored
from functions.ports import EventStore
from functions.senders.notices import NoticeRow
from functions.senders.rows import row_of_record

_LARGE_BYTES = 1024**2
"""Batches up to this size are judged without a pause, which takes some milliseconds. A larger
batch does not come from a gateway, and may be made to take long."""

_FEW = 8
"""How many events of a larger batch are judged without a pause."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The result of a batch; each of its events is counted in one of these.

    Attributes:
        stored: Events written now.
        duplicates: Events stored before: a redelivery, not a fault.
        rejected: Invalid events, kept as dead letters.
        refused: Events that the database refused, kept as dead letters.
        too_old: Events older than what is kept, now dead letters.
    """

    stored: int
    duplicates: int
    rejected: int
    refused: int
    too_old: int = 0


async def collect(
    source: Source, parts: Sequence[AcceptedBatch], *, store: EventStore
) -> Collected:
    """Store a batch of events of one source, each once.

    Safe to repeat: the store skips what it has, so a transport that delivers
    at least once may deliver a batch twice.

    Args:
        source: The source of the events; another's are rejected.
        parts: Raw events, or canonical records of another channel, in delivery order; may
            repeat an event; may be empty.
        store: Where rows are stored.

    Returns:
        How many events were new, how many were not, and how many are dead letters.

    Raises:
        Unavailable: Part of the batch may be stored; it may be sent again.
    """
    to_row = FORMS[source].to_row
    outcomes = []
    for own in _by_message(parts):
        rows: list[EventRow] = []
        notices: list[NoticeRow] = []
        dead: list[DeadLetter] = []
        for part in own:
            is_native = part.channel == "native"
            is_large = sum(map(len, part.events)) > _LARGE_BYTES
            for position, raw in enumerate(part.events):
                if is_large and not position % _FEW:
                    await asyncio.sleep(0)
                try:
                    if is_native:
                        rows.append(to_row(_judge_own(source, raw), part, raw))
                    else:
                        add(row_of_record(source, part, raw), rows, notices)
                except InvalidEvent as invalid:
                    dead.append(letter_of_event(part, raw, position, invalid))
            await asyncio.sleep(0)  # lets health checks and the other batch run
        outcomes.append(EnvelopeOutcome(own[0].envelope, rows, dead, notices=notices))
    stored, refused = await _settle(outcomes, store)
    rejected_total = sum(len(outcome.letters) for outcome in outcomes)
    return Collected(stored.new, stored.duplicates, rejected_total, refused, stored.too_old)


def row_of(part: AcceptedBatch, raw: bytes) -> EventRow | NoticeRow:
    """Judge an event or record of any source again, as its channel does, and make its row.

    Raises:
        InvalidEvent: It is invalid.
    """
    if part.channel != "native":
        return row_of_record(None, part, raw)
    event = judge(raw)
    return FORMS[event.source].to_row(event, part, raw)


def add(row: EventRow | NoticeRow, rows: list[EventRow], notices: list[NoticeRow]) -> None:
    """Add a row to those of its kind."""
    if isinstance(row, EventRow):
        rows.append(row)
    else:
        notices.append(row)


def _judge_own(source: Source, raw: bytes) -> Event:
    event = judge(raw)
    if event.source == source:
        return event
    fault = Fault("source", "literal_error", f"Input should be '{source}'")
    raise InvalidEvent(fault, event_id=event.event_id, source=event.source)


def _by_message(parts: Sequence[AcceptedBatch]) -> Iterator[list[AcceptedBatch]]:
    """Group batches that came in one message; a message that occurs twice makes two groups."""
    for _, own in groupby(parts, lambda part: id(part.envelope)):
        yield list(own)


async def _settle(outcomes: Sequence[EnvelopeOutcome], store: EventStore) -> tuple[Stored, int]:
    """Settle outcomes, and count the rows that the store refuses.

    If it refuses some, the batch is halved until it is clear whose they are. An
    outcome is settled whole: its refused rows become dead letters first.
    """
    try:
        return await store.settle(outcomes), 0
    except Refused as refusal:
        if len(outcomes) == 1:
            return await _settle_mended(outcomes[0], refusal, store)
    one, other = halves(outcomes)
    first, refused_first = await _settle(one, store)
    second, refused_second = await _settle(other, store)
    both = Stored(
        first.new + second.new,
        first.duplicates + second.duplicates,
        first.too_old + second.too_old,
    )
    return both, refused_first + refused_second


async def _settle_mended(
    outcome: EnvelopeOutcome, refusal: Refused, store: EventStore
) -> tuple[Stored, int]:
    refused = await _find_refused(outcome.rows, refusal, store)
    if not refused:  # no single row is refused: nothing can be fixed here
        raise refusal
    bad = {id(row) for row, _ in refused}
    letters = [*outcome.letters, *starmap(_letter, refused)]
    good = [row for row in outcome.rows if id(row) not in bad]
    mended = EnvelopeOutcome(outcome.envelope, good, letters, notices=outcome.notices)
    return await store.settle([mended]), len(refused)


async def _find_refused(
    rows: Sequence[EventRow], refusal: Refused, store: EventStore
) -> list[tuple[EventRow, Refused]]:
    """Halve rows that are refused together until each one refused on its own is found."""
    if len(rows) <= 1:
        return [(row, refusal) for row in rows]
    found = []
    for half in halves(rows):
        try:
            await store.probe(half)
        except Refused as half_refusal:
            found += await _find_refused(half, half_refusal, store)
    return found


def _letter(row: EventRow, refusal: Refused) -> DeadLetter:
    return letter_of_row(row, "refused", Fault("", refusal.code, str(refusal)))
