"""What settled envelopes add to the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from functions.ports import Lot
from functions.rows import EventRow


class LedgerEntry(NamedTuple):
    """What is added to the ledger; the columns of ``ledger``, in its statement's order."""

    minute: datetime
    source: str
    instance: bytes
    accepted: int
    stored: int
    duplicates: int
    dead: int


class ToldEntry(NamedTuple):
    """An envelope that a gateway says is on the broker; the columns of ``told``."""

    id: bytes
    minute: datetime
    source: str
    instance: bytes
    events: int
    sequence: int


def ledger_entries(lots: Sequence[Lot], new: Sequence[EventRow]) -> list[LedgerEntry]:
    """Count by minute, source and gateway what became of events; each place once.

    Accepted is what the gateway counted, the rest what came of what was read:
    they agree unless something went wrong between.

    Args:
        lots: Settled now, for the first time; those without an envelope have no place.
        new: Their rows that were stored now; of an event that several have, any one.
    """
    sums: dict[tuple[datetime, str, bytes], LedgerEntry] = {}
    for lot, stored in zip(lots, _stored(lots, new), strict=True):
        if lot.envelope is None:
            continue
        place = (lot.envelope.minute, lot.envelope.source, lot.envelope.instance)
        known = sums.get(place, LedgerEntry(*place, 0, 0, 0, 0))
        sums[place] = LedgerEntry(
            *place,
            accepted=known.accepted + lot.envelope.events,
            stored=known.stored + stored,
            duplicates=known.duplicates + len(lot.rows) - stored,
            dead=known.dead + (lot.envelope.events if lot.unread else len(lot.letters)),
        )
    return list(sums.values())


def told_entries(lots: Sequence[Lot]) -> list[ToldEntry]:
    """List the envelopes that others tell of, each once."""
    told: Mapping[bytes, ToldEntry] = {
        it.id: ToldEntry(
            it.id, it.minute, lot.envelope.source, lot.envelope.instance, it.events, it.sequence
        )
        for lot in lots
        if lot.envelope
        for it in lot.envelope.told
    }
    return list(told.values())


def _stored(lots: Sequence[Lot], new: Sequence[EventRow]) -> list[int]:
    """Count the new rows of each lot; an event of several lots is new in the first."""
    if len(new) == sum(len(lot.rows) for lot in lots):
        return [len(lot.rows) for lot in lots]
    left = {row.id for row in new}
    counts = []
    for lot in lots:
        own = left.intersection(row.id for row in lot.rows)
        left -= own
        counts.append(len(own))
    return counts
