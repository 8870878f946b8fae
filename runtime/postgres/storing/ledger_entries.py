"""What settled envelopes add to the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from functions.events.rows import EventRow
from functions.messages import DeadLetter, Envelope, Lot


class LedgerEntry(NamedTuple):
    """What is added to the ledger; the columns of ``ledger``, in its statement's order."""

    minute: datetime
    source: str | None
    instance: bytes
    rejected: bool
    counted: int
    stored: int
    duplicates: int
    dead: int


class ToldEntry(NamedTuple):
    """An envelope that a gateway says is on the broker; the columns of ``told``."""

    id: bytes
    minute: datetime
    source: str | None
    instance: bytes
    rejected: bool
    events: int
    sequence: int


_New = Sequence[EventRow] | Sequence[DeadLetter]


def ledger_entries(lots: Sequence[Lot], new: _New) -> list[LedgerEntry]:
    """Count by minute, source and gateway what became of events; each place once.

    Counted is what the gateway says, the rest what came of what was read: they
    agree unless something went wrong between.

    Args:
        lots: Settled now, for the first time; those without an envelope have no place.
        new: What of them was stored now: their rows, or the letters of those
            that the gateway had rejected; of one that several have, any.
    """
    sums: dict[tuple[datetime, str | None, bytes, bool], LedgerEntry] = {}
    for lot, stored in zip(lots, _stored(lots, new), strict=True):
        envelope, found = lot.envelope, _events(_things(lot))
        if envelope is None or not (envelope.events or found):
            continue
        place = (envelope.minute, envelope.source, envelope.instance, envelope.rejected)
        known = sums.get(place, LedgerEntry(*place, 0, 0, 0, 0))
        sums[place] = LedgerEntry(
            *place,
            counted=known.counted + envelope.events,
            stored=known.stored + stored,
            duplicates=known.duplicates + found - stored,
            dead=known.dead + _dead(lot, envelope),
        )
    return list(sums.values())


def told_entries(lots: Sequence[Lot]) -> list[ToldEntry]:
    """List the envelopes that others tell of, each once."""
    told: Mapping[bytes, ToldEntry] = {
        it.id: ToldEntry(
            it.id,
            it.minute,
            lot.envelope.source,
            lot.envelope.instance,
            lot.envelope.rejected,
            it.events,
            it.sequence,
        )
        for lot in lots
        if lot.envelope
        for it in lot.envelope.told
    }
    return list(told.values())


def _things(lot: Lot) -> _New:
    """Tell what is stored of a lot: its rows, or its letters where all was rejected before."""
    if lot.unread or not (lot.envelope and lot.envelope.rejected):
        return lot.rows
    return lot.letters


def _dead(lot: Lot, envelope: Envelope) -> int:
    """Count what died on its way from the gateway."""
    if lot.unread:
        return envelope.events
    return 0 if envelope.rejected else len(lot.letters)


def _stored(lots: Sequence[Lot], new: _New) -> list[int]:
    """Count what is new of each lot; what several have is new in the first."""
    if len(new) == sum(len(_things(lot)) for lot in lots):
        return [_events(_things(lot)) for lot in lots]
    left = {it.id: it for it in new}
    return [_events([left.pop(it.id) for it in _things(lot) if it.id in left]) for lot in lots]


def _events(things: Sequence[EventRow | DeadLetter]) -> int:
    """Count the events of rows, one each, or of dead letters, whose masses have many."""
    return sum(it.elements if isinstance(it, DeadLetter) else 1 for it in things)
