"""Split a body into its events, byte for byte, a bounded number at a time."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from functions.errors import Fault, Invalid
from functions.events import has_lone_surrogate

WINDOW_BYTES = 512 * 1024
"""How much of a body is split, judged and published at a time: small enough
that judging it holds up other requests for a few milliseconds only, large
enough that a message's fixed costs vanish."""

_SPACE = b" \t\n\r"
_CUTS_TRIED = 3
_ANY = msgspec.json.Decoder(msgspec.Raw)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_SPACE = re.compile(rb"[^ \t\n\r]")
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
        them (more, when one event is larger); what they say is not judged.

    Raises:
        Invalid: The body is not JSON, or neither an array nor an object.
    """
    plain = _is_plain(body)
    first = _NOT_SPACE.search(body)
    opening = first[0] if first else b""
    if opening == b"{":
        yield [body.strip(_SPACE)]
    elif opening == b"[":
        yield from _windows(body) if plain else _scan(body)
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
        yield [line for line in map(bytes.strip, body[position:end].split(b"\n")) if line]
        position = end + 1


def _is_plain(body: bytes) -> bool:
    """Check that a body is JSON, and tell whether the fast decoder can read it.

    That refuses lone surrogates, and nesting that would overflow the stack;
    either is the fault of one event, not of the events beside it.
    """
    try:
        _ANY.decode(body)
    except RecursionError:
        return False
    except msgspec.DecodeError as error:
        if has_lone_surrogate(body):
            return False
        raise Invalid([Fault("", "json_invalid", f"The body is not JSON: {error}")]) from error
    return True


def _windows(body: bytes) -> Iterator[Sequence[bytes]]:
    position = body.index(b"[") + 1
    size = WINDOW_BYTES
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


def _likely_cuts(body: bytes, start: int, end: int) -> Iterator[int]:
    """Guess where an event of the array ends, last first."""
    near_end = max(start, end - WINDOW_BYTES // 8)
    gaps = [gap.end() for gap in _BETWEEN_OBJECTS.finditer(body, near_end, end)]
    yield from reversed(gaps[-_CUTS_TRIED:])
    comma = end
    for _ in range(_CUTS_TRIED):
        comma = body.rfind(b",", start, comma)
        if comma < 0:
            return
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
    window: list[bytes] = []
    size = depth = start = 0
    for token in _TOKEN.finditer(body):
        mark = token[0][:1]
        if mark in b"[{":
            depth += 1
            start = token.end() if depth == 1 else start
        elif mark in b"]}":
            depth -= 1
        elif mark == b'"' and len(token[0]) == 1:
            break  # a string that never ends
        if depth == 0 or (depth == 1 and mark == b","):
            event = body[start : token.start()].strip(_SPACE)
            window += [event] if event or depth else []
            size, start = size + len(event), token.end()
        if depth == 0:
            break
        if size > WINDOW_BYTES:
            yield window
            window, size = [], 0
    if depth or body[start:].strip(_SPACE):
        raise Invalid([Fault("", "json_invalid", "The body is not JSON: brackets do not match")])
    yield window
