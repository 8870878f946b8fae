"""What an event says of itself, whether it is valid or not: its source and its id."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from functions.events import MAX_EVENT_ID_CHARACTERS, SOURCES, Source
from functions.events.scanning import SPACE, Walk, commas

_HEAD_BYTES: Final = 4096
"""How much is looked at of what is no JSON: the platforms say both at once."""


class Claim(NamedTuple):
    """What could be read; None is what could not, or is no source, or no id that can be kept."""

    source: Source | None
    event_id: str | None


class _Claim(msgspec.Struct, rename="camel"):
    source: msgspec.Raw = msgspec.Raw(b"null")
    event_id: msgspec.Raw = msgspec.Raw(b"null")


_CLAIMS: Final = msgspec.json.Decoder(_Claim)
_TEXTS: Final = msgspec.json.Decoder(str)
_MEMBER: Final = re.compile(rb'\s*"(source|eventId)"\s*:\s*("(?:[^"\\]++|\\.)*+")\s*', re.DOTALL)


def claim_of(raw: bytes) -> Claim:
    """Read source and id; all else is skipped, and never becomes an object."""
    try:
        claim = _CLAIMS.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        found = dict(_members(raw))
        return _claim(found.get(b"source", b""), found.get(b"eventId", b""))
    return _claim(bytes(claim.source), bytes(claim.event_id))


def _claim(source: bytes, event_id: bytes) -> Claim:
    named = _text(source)
    return Claim(
        next((each for each in SOURCES if each == named), None), _storable_id(_text(event_id))
    )


def _text(raw: bytes) -> str | None:
    try:
        return _TEXTS.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _storable_id(text: str | None) -> str | None:
    """Keep an id that PostgreSQL can keep, too; no text that was read has a lone surrogate."""
    is_one = text is not None and 0 < len(text) <= MAX_EVENT_ID_CHARACTERS and "\0" not in text
    return text if is_one else None


def _members(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Find both in the beginning of what is no JSON, or not all of it."""
    head = raw[:_HEAD_BYTES].strip(SPACE)
    if not head.startswith(b"{"):
        return
    whole = len(raw) <= _HEAD_BYTES
    start = 1
    for comma in chain.from_iterable(commas(Walk(head, start, len(head)))):
        yield from _member(head[start:comma])
        start = comma + 1
    if whole:
        yield from _member(head[start:].removesuffix(b"}"))


def _member(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    if member := _MEMBER.fullmatch(text):
        yield member[1], member[2]
