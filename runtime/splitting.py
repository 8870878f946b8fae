"""Split a body into its events, byte for byte, a bounded number at a time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec

from functions.errors import Fault, Invalid

WINDOW_BYTES = 512 * 1024
"""How much of a body is split, judged and published at a time: small enough
that judging it holds up other requests for a few milliseconds only, large
enough that a message's fixed costs vanish."""

WINDOW_EVENTS = 4096
"""How many events a window has at the most: tiny ones, which are never valid,
are many times larger as dead letters."""

_SPACE = b" \t\n\r"
_CUTS_TRIED = 3
_BREATH = 10_000
"""Brackets and strings looked at in a row, some milliseconds, before others have their turn."""

_ANY = msgspec.json.Decoder(msgspec.Raw)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_SPACE = re.compile(rb"[^ \t\n\r]")
_OPENING = re.compile(rb'\{\s*"[^"\\]{0,64}"')
_BETWEEN_OBJECTS = re.compile(rb"\}\s*(?=,\s*\{)")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)


def split_json(body: bytes) -> Iterator[Sequence[bytes]]:
    """Split a JSON array of events, or one event.

    The whole body is checked before the first window comes out, so a broken
    one is refused before any part of it was taken.

    Args:
        body: JSON text.

    Yields:
        JSON texts of some events, in their order, about ``WINDOW_BYTES`` of
        them (more, when one event is larger), ``WINDOW_EVENTS`` at most; what
        they say is not judged.
        None at times, so that others may have their turn.

    Raises:
        Invalid: The body is not JSON, or neither an array nor an object.
    """
    plain = _is_plain(body)
    first = _NOT_SPACE.search(body)
    opening = first[0] if first else b""
    if opening == b"{":
        yield [body.strip(_SPACE)]
    elif opening == b"[":
        yield from _bounded(_windows(body) if plain else _scan(body))
    else:
        raise Invalid([Fault("", "body_type", "The body should be an array of events, or one")])


def split_lines(body: bytes) -> Iterator[Sequence[bytes]]:
    """Split newline-delimited JSON, one event a line; blank lines are skipped.

    Yields:
        Lines, in their order, about ``WINDOW_BYTES`` of them; a line that is
        no JSON is an invalid event among valid ones.
    """
    position = 0
    while position < len(body):
        cut = body.find(b"\n", min(position + WINDOW_BYTES, len(body)))
        end = len(body) if cut < 0 else cut
        lines = [line for line in map(bytes.strip, body[position:end].split(b"\n")) if line]
        yield from _bounded([lines])
        position = end + 1


def _bounded(windows: Iterable[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
    for window in windows:
        for start in range(0, len(window) or 1, WINDOW_EVENTS):
            yield window[start : start + WINDOW_EVENTS]


def _is_plain(body: bytes) -> bool:
    """Check that a body is JSON, and tell whether the fast decoder can read it.

    That refuses lone surrogates, and nesting that would overflow the stack;
    either is the fault of one event, not of the events beside it.
    """
    with suppress(RecursionError):
        if _error_of(body) is None:
            return True
        without_surrogates = body.replace(rb"\ud", rb"\u0").replace(rb"\uD", rb"\u0")
        if error := _error_of(without_surrogates):
            raise Invalid([Fault("", "json_invalid", f"The body is not JSON: {error}")]) from error
    return False


def _error_of(body: bytes) -> msgspec.DecodeError | None:
    try:
        _ANY.decode(body)
    except msgspec.DecodeError as error:
        return error
    return None


def _windows(body: bytes) -> Iterator[Sequence[bytes]]:
    position = body.index(b"[") + 1
    size = WINDOW_BYTES
    try:
        while len(body) - position > size:
            for cut in _likely_cuts(body, position, position + size):
                events = _elements(body[position:cut])
                if events is not None:
                    yield events
                    position = body.index(b",", cut) + 1
                    size = WINDOW_BYTES
                    break
            else:
                size *= 2  # an event that is larger than the window
        last = _elements(body[position : body.rindex(b"]")])
        if last:
            yield last
    except RecursionError:  # here the stack has a little less room than where it was checked
        yield from _scan(b"[" + body[position:])


def _likely_cuts(body: bytes, start: int, end: int) -> Iterator[int]:
    """Guess where an event of the array ends, last first."""
    near_end = max(start, end - WINDOW_BYTES // 8)
    if opening := _OPENING.search(body, start, near_end):  # events tend to open alike
        yield from _commas_before(opening[0], body, near_end, end)
    gaps = [gap.end() for gap in _BETWEEN_OBJECTS.finditer(body, near_end, end)]
    yield from reversed(gaps[-_CUTS_TRIED:])
    comma = end
    for _ in range(_CUTS_TRIED):
        comma = body.rfind(b",", start, comma)
        if comma < 0:
            return
        yield comma


def _commas_before(opening: bytes, body: bytes, start: int, end: int) -> Iterator[int]:
    for _ in range(_CUTS_TRIED):
        end = body.rfind(opening, start, end)
        comma = body.rfind(b",", start, end)
        if end < 0 or comma < 0:
            return
        if not body[comma + 1 : end].strip(_SPACE):
            yield comma


def _elements(text: bytes) -> list[bytes] | None:
    """Split what lies between two commas of the array, or tell that it is no such text.

    What is JSON again between brackets was cut where an event ends: a cut
    inside one leaves a string, an object or an array open.
    """
    try:
        return [bytes(raw) for raw in _ELEMENTS.decode(b"[%b]" % text)]
    except msgspec.DecodeError:
        return None


def _scan(body: bytes) -> Iterator[Sequence[bytes]]:
    """Split an array by its brackets alone: slow, but nothing that events hold can stop it."""
    for end in _ends(body):
        if end is None:
            yield []
    window: list[bytes] = []
    size, start = 0, body.index(b"[") + 1
    for end in _ends(body):
        if end is None:
            yield []
            continue
        event = body[start:end].strip(_SPACE)
        window += [event] if event else []
        size, start = size + len(event), end + 1
        if size > WINDOW_BYTES:
            yield window
            window, size = [], 0
    yield window


def _ends(body: bytes) -> Iterator[int | None]:
    """Find where the elements of an array end; None now and then, to take a breath.

    Raises:
        Invalid: Its brackets do not match.
    """
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(body), 1):
        mark = body[token.start() : token.start() + 1]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        elif mark == b'"' and token.end() == token.start() + 1:
            break  # a string that never ends
        if depth == 0 or (depth == 1 and mark == b","):
            yield token.start()
        if depth == 0:
            if mark == b"]" and not body[token.end() :].strip(_SPACE):
                return
            break
        if number % _BREATH == 0:
            yield None
    raise Invalid([Fault("", "json_invalid", "The body is not JSON: brackets do not match")])
