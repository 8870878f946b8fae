"""Additions to the ledger from settled envelopes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from functions.events.rows import EventRow
from functions.messages import DeadLetter, Envelope, EnvelopeOutcome
from functions.senders.notices import NoticeRow


class LedgerEntry(NamedTuple):
    """An addition to the ledger; the columns of ``ledger``, in its statement's order."""

    minute: datetime
    source: str | None
    instance: bytes
    rejected: bool
    counted: int
    stored: int
    duplicates: int
    dead: int


class AnnouncementEntry(NamedTuple):
    """An envelope announced by a gateway; the columns of ``announced_envelopes``."""

    id: bytes
    minute: datetime
    source: str | None
    instance: bytes
    rejected: bool
    events: int
    sequence: int


_New = Sequence[EventRow | NoticeRow] | Sequence[DeadLetter]


def ledger_entries(outcomes: Sequence[EnvelopeOutcome], new: _New) -> list[LedgerEntry]:
    """Count by minute, source and gateway what became of events; one entry for each.

    ``counted`` is the gateway's count, the rest is counted from what was read: they
    agree unless something went wrong in between.

    Args:
        outcomes: Settled now, for the first time; those without an envelope have no entry.
        new: What was stored now: rows and notices, or letters of events that the gateway had
            rejected; where outcomes share one, any of them.
    """
    sums: dict[tuple[datetime, str | None, bytes, bool], LedgerEntry] = {}
    for outcome, stored in zip(outcomes, _stored(outcomes, new), strict=True):
        envelope, found = outcome.envelope, _events(_things(outcome))
        if envelope is None or not (envelope.events or found):
            continue
        place = (envelope.minute, envelope.source, envelope.instance, envelope.rejected)
        known = sums.get(place, LedgerEntry(*place, 0, 0, 0, 0))
        sums[place] = LedgerEntry(
            *place,
            counted=known.counted + envelope.events,
            stored=known.stored + stored,
            duplicates=known.duplicates + found - stored,
            dead=known.dead + _dead(outcome, envelope),
        )
    return list(sums.values())


def announcement_entries(outcomes: Sequence[EnvelopeOutcome]) -> list[AnnouncementEntry]:
    """List the envelopes that others announce, each once."""
    announced: Mapping[bytes, AnnouncementEntry] = {
        it.id: AnnouncementEntry(
            it.id,
            it.minute,
            outcome.envelope.source,
            outcome.envelope.instance,
            outcome.envelope.rejected,
            it.events,
            it.sequence,
        )
        for outcome in outcomes
        if outcome.envelope
        for it in outcome.envelope.announced
    }
    return list(announced.values())


def _things(outcome: EnvelopeOutcome) -> _New:
    """Return an outcome's rows and notices, or its letters if the gateway rejected all of it."""
    if outcome.unread or not (outcome.envelope and outcome.envelope.rejected):
        return [*outcome.rows, *outcome.notices] if outcome.notices else outcome.rows
    return outcome.letters


def _dead(outcome: EnvelopeOutcome, envelope: Envelope) -> int:
    """Count the events that became dead letters after the gateway."""
    if outcome.unread:
        return envelope.events
    return 0 if envelope.rejected else len(outcome.letters)


def _stored(outcomes: Sequence[EnvelopeOutcome], new: _New) -> list[int]:
    """Count each outcome's new events; one that several outcomes have counts in the first."""
    if len(new) == sum(len(_things(outcome)) for outcome in outcomes):
        return [_events(_things(outcome)) for outcome in outcomes]
    left = {it.id: it for it in new}
    return [
        _events([left.pop(it.id) for it in _things(outcome) if it.id in left])
        for outcome in outcomes
    ]


def _events(things: Sequence[EventRow | NoticeRow | DeadLetter]) -> int:
    """Count the events of rows and notices, one each, or of dead letters, often many."""
    return sum(it.elements if isinstance(it, DeadLetter) else 1 for it in things)
