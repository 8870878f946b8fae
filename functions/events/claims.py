"""An event's own source and id, whether it is valid or not."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from functions.events import MAX_EVENT_ID_CHARACTERS, SOURCES, Source
from functions.events.scanning import SPACE, Walk, commas

_HEAD_BYTES: Final = 4096
"""How much of an event that is not JSON is read: the platforms put both at the beginning."""


class Claim(NamedTuple):
    """The values that could be read; None for one that is missing, unknown or can't be stored."""

    source: Source | None
    event_id: str | None


class _Claim(msgspec.Struct, rename="camel"):
    source: msgspec.Raw = msgspec.Raw(b"null")
    event_id: msgspec.Raw = msgspec.Raw(b"null")


_CLAIMS: Final = msgspec.json.Decoder(_Claim)
_TEXTS: Final = msgspec.json.Decoder(str)
_MEMBER: Final = re.compile(rb'\s*"(source|eventId)"\s*:\s*("(?:[^"\\]++|\\.)*+")\s*', re.DOTALL)


def claim_of(raw: bytes) -> Claim:
    """Read source and id; everything else is skipped, and no objects are made of it."""
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
    """Accept an id that PostgreSQL can store; text that was decoded has no lone surrogate."""
    is_one = text is not None and 0 < len(text) <= MAX_EVENT_ID_CHARACTERS and "\0" not in text
    return text if is_one else None


def _members(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Find both in the beginning of an event that is not JSON, or is incomplete."""
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
