"""Summaries of rejected events, kept while there is no room for dead letters."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from functions.errors import Fault
from functions.events import Source
from functions.masses import beginning
from functions.messages import DeadLetter

_KINDS: Final = 8
"""How many kinds of faults a summary explains; a message seldom has more than two."""

_BEGINNING_BYTES: Final = 1024
"""How much is kept of an event's bytes: most are shorter, and so are kept whole."""


class _Kind(msgspec.Struct, rename="camel"):
    source: Source | None
    field: str
    code: str
    message: str
    rejected: int
    correlation_id: str | None
    position: int
    event_id: str | None
    bytes: int
    sha256: str
    begins: str


class _Summary(msgspec.Struct, rename="camel"):
    rejected: int
    others: int
    kinds: list[_Kind]


def summarize(letters: Sequence[DeadLetter], events: int) -> DeadLetter:
    """Make one dead letter that stands for many.

    Its payload is a JSON object: how many were rejected, and for each of up to
    eight kinds of fault (by source, field and code) how many, with the first
    one's position, length, digest and first 1,024 bytes; ``others`` counts those
    of further kinds. A mass counts as the events in it. It has at most some
    60 KB, however many and large they are, and usually two. It is not an event:
    replaying it fails.

    Args:
        letters: At least one.
        events: How many rejected events they stand for.
    """
    firsts: dict[tuple[Source | None, str, str], DeadLetter] = {}
    counts: dict[tuple[Source | None, str, str], int] = {}
    for letter in letters:
        kind = (letter.source, letter.fault.field, letter.fault.code)
        if kind in firsts or len(firsts) < _KINDS:
            firsts.setdefault(kind, letter)
            counts[kind] = counts.get(kind, 0) + letter.elements
    kinds = [_kind(letter, counts[kind]) for kind, letter in firsts.items()]
    others = sum(letter.elements for letter in letters) - sum(counts.values())
    sources = {letter.source for letter in letters}
    requests = {letter.correlation_id for letter in letters}
    return DeadLetter(
        reason="summarized",
        fault=Fault(
            "",
            "dead_letters_full",
            f"There was no more room for dead letters: this summary stands for {events} rejected "
            "events",
        ),
        payload=msgspec.json.encode(_Summary(events, others, kinds)),
        accepted_at=letters[0].accepted_at,
        source=sources.pop() if len(sources) == 1 else None,
        correlation_id=requests.pop() if len(requests) == 1 else None,
    )


def _kind(letter: DeadLetter, rejected: int) -> _Kind:
    return _Kind(
        source=letter.source,
        field=letter.fault.field,
        code=letter.fault.code,
        message=letter.fault.message,
        rejected=rejected,
        correlation_id=letter.correlation_id,
        position=letter.position,
        event_id=letter.event_id,
        bytes=len(letter.payload),
        sha256=sha256(letter.payload).hexdigest(),
        begins=_beginning(letter).decode("utf-8", "backslashreplace"),
    )


def _beginning(letter: DeadLetter) -> bytes:
    if letter.elements > 1:
        return beginning(letter.payload, _BEGINNING_BYTES)
    return letter.payload[:_BEGINNING_BYTES]
