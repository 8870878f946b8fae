"""Replay dead letters: judge their bytes again, and store what is valid."""

import asyncio
from collections.abc import Callable, Sequence

from functions.collecting import add, row_of
from functions.errors import Fault, Invalid, Refused
from functions.events import Source
from functions.events.judging import InvalidEvent
from functions.events.rows import EventRow
from functions.halves import halves
from functions.letters import letter_of_event
from functions.messages import AcceptedBatch, DeadLetter
from functions.operator.answers import Replayed
from functions.operator.masses import Settle, settle_mass
from functions.operator.ports import DeadLetters, KeptLetter, Settled, Settlement
from functions.operator.questions import parse_replay_question, write_cursor
from functions.parameters import Params
from functions.senders.notices import NoticeRow

UnpackedEnvelope = tuple[Sequence[AcceptedBatch], Sequence[DeadLetter]]
"""The contents of a bus message: batches of events, or dead letters."""

ReadEnvelope = Callable[[Source | None, bytes], UnpackedEnvelope]
"""Reads a message of a source's events or, for None, of dead letters; raises ``Invalid``."""


async def handle_replay(
    params: Params, *, letters: DeadLetters, read_envelope: ReadEnvelope, correlation_id: str
) -> Replayed:
    """Replay a page of open dead letters, oldest first.

    Safe to repeat: an event is stored once, and a replayed letter is skipped.
    Events keep the correlation id and the time of acceptance of their first
    request.

    Args:
        params: Decoded names and values of the query, in order, with repeats.
        letters: The dead letters.
        read_envelope: Reads an envelope that a collector once could not read.
        correlation_id: Of this request, for the letters' history.

    Returns:
        The results, and where the next page begins.

    Raises:
        Invalid: With every fault of the parameters; nothing was done.
        Unavailable: Part of the page may be replayed; the same request may be sent again.
    """
    question = parse_replay_question(params)
    found = await letters.read(question.wanted, after=question.cursor, limit=question.limit)
    settlements, masses = [], []
    for letter in found:
        if letter.head.elements > 1:
            masses.append(letter)
        else:
            settlements.append(_judge(letter, read_envelope))
        await asyncio.sleep(0)  # lets health checks and reports run

    async def settle(some: Sequence[Settlement]) -> Settled:
        return await letters.settle(some, correlation_id=correlation_id, dry_run=question.dry_run)

    settled = await _settle(settlements, settle)
    for letter in masses:
        settled += await settle_mass(letter, settle)
    return Replayed(
        dry_run=question.dry_run,
        replayed=settled.replayed,
        failed=settled.failed,
        stored=settled.stored,
        duplicates=settled.duplicates,
        next_cursor=write_cursor(found[-1].head.place) if found else None,
    )


async def _settle(settlements: Sequence[Settlement], settle: Settle) -> Settled:
    """Settle letters; if the store refuses some, halve them until it is clear which.

    An empty page is settled as well: that its letters were settled before is
    reported only when it is as safe as if they were settled now.
    """
    try:
        return await settle(settlements)
    except Refused as refusal:
        if len(settlements) == 1:
            fault = Fault("", refusal.code, str(refusal))
            return await settle([Settlement(settlements[0].letter_id, fault=fault)])
    one, other = halves(settlements)
    first = await _settle(one, settle)
    return first + await _settle(other, settle)


def _judge(letter: KeptLetter, read_envelope: ReadEnvelope) -> Settlement:
    """Judge a letter again."""
    head = letter.head
    try:
        if head.reason == "unreadable":
            return _open(letter, read_envelope)
        rows, notices = list[EventRow](), list[NoticeRow]()
        add(row_of(letter.as_batch([letter.payload]), letter.payload), rows, notices)
        return Settlement(head.id, rows, notices=notices)
    except InvalidEvent as invalid:
        return Settlement(head.id, fault=invalid.fault)
    except Invalid as invalid:
        return Settlement(head.id, fault=invalid.faults[0])


def _open(letter: KeptLetter, read_envelope: ReadEnvelope) -> Settlement:
    """Read a whole envelope; each invalid event in it becomes a separate letter."""
    parts, dead = read_envelope(letter.head.source, letter.payload)
    rows, notices, letters = list[EventRow](), list[NoticeRow](), list(dead)
    for part in parts:
        for position, raw in enumerate(part.events):
            try:
                add(row_of(part, raw), rows, notices)
            except InvalidEvent as invalid:
                letters.append(letter_of_event(part, raw, position, invalid))
    return Settlement(letter.head.id, rows, letters, notices=notices)
