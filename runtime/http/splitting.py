"""Split a body into its events, byte for byte, a bounded number at a time.

No body can make a step long: it is processed in windows, and the caller lets
other requests run between two of them.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice, pairwise
from typing import Final, NamedTuple

import msgspec

from functions.errors import Fault, Invalid
from functions.events.judging import Beginning
from functions.events.scanning import PIECE_BYTES, SPACE, Walk, commas

WINDOW_BYTES = 512 * 1024
"""How much of a body is split, judged and published at a time: small enough that
judging delays other requests by a few milliseconds only, large enough that a
message's fixed costs vanish."""

WINDOW_EVENTS = 4096
"""Maximum events of a window: tiny ones, which are never valid, are many times larger as
dead letters."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Not part of the text if it comes first; some programs on Windows write it."""

_GUESSES = 2
_LONGEST_ROUGH_BYTES = 1024**2
_TRIM_BYTES = 1024**2

_ANY = msgspec.json.Decoder(msgspec.Raw)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_OPENING = re.compile(rb'\{\s*"[^"\\]{0,64}"')
_NOT_SPACE = re.compile(rb"[^ \t\n\r]")
_BETWEEN_OBJECTS = re.compile(rb"\}\s*(?=,\s*\{)")

Windows = Iterator[Sequence[bytes]]
Split = Callable[[bytes, int], Windows]
"""Splits a body, given the most bytes of one event."""


class _Shown:
    """Shows windows of a body in brackets, one at a time, all in the same memory."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._room = memoryview(bytearray(min(len(body), WINDOW_BYTES) + len("[]")))
        self._room[:1] = b"["

    def show(self, start: int, end: int) -> memoryview:
        """Show a window until the next one is shown."""
        close = end - start + 1
        self._room[1:close] = self._body[start:end]
        self._room[close : close + 1] = b"]"
        return self._room[: close + 1]


class _Stretch(NamedTuple):
    """Whole elements and the commas between them.

    Attributes:
        plain: Whether the decoder accepts it as JSON.
    """

    start: int
    end: int
    plain: bool


def split_json(body: bytes, event_size_limit: int) -> Windows:
    """Split a JSON array of events, or one event.

    An array is checked before its first window is yielded, so one that can't be split
    is refused before any part of it was taken. The text between two commas need not
    be JSON: that is the fault of one event.

    Args:
        body: JSON text; a leading byte order mark is skipped.
        event_size_limit: Only a ``Beginning`` is yielded of an event with more bytes.

    Yields:
        JSON texts of some events, in order, about ``WINDOW_BYTES`` in all (more if
        one event is larger), ``WINDOW_EVENTS`` at most; their content is not judged.
        An empty list now and then, so that other requests get their turn.

    Raises:
        Invalid: The body is neither an array that can be split nor a JSON object.
    """
    start = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    if body[start : start + 1] == b"[" and len(body) <= min(WINDOW_BYTES, event_size_limit):
        events = _elements(memoryview(body)[start:])
        if events is not None:  # the usual case
            yield from _bounded(events, event_size_limit)
            return
    start, end = yield from _trimmed(body, start, len(body))
    match body[start : start + 1]:
        case b"{":
            yield from _one(body, start, end, event_size_limit)
        case b"[":
            yield from _array(body, start, end, event_size_limit)
        case _:
            raise Invalid(
                [Fault("", "body_type", "The body should be an event or an array of events")]
            )


def split_lines(body: bytes, event_size_limit: int) -> Windows:
    """Split newline-delimited JSON, one event a line; blank lines are skipped.

    Yields:
        Lines, in order, about ``WINDOW_BYTES`` in all; a line that is not JSON is
        an invalid event among valid ones. Otherwise as ``split_json``.

    Raises:
        Invalid: The body is empty.
    """
    position = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    if position == len(body):
        raise Invalid([Fault("", "json_invalid", "The body is empty")])
    while position < len(body):
        window_end = position + WINDOW_BYTES
        end = len(body) if window_end >= len(body) else body.rfind(b"\n", position, window_end)
        if end < 0:  # the line is longer than a window
            end = body.find(b"\n", window_end)
            end = len(body) if end < 0 else end
            yield from _one_line(body, position, end, event_size_limit)
        else:
            yield from _lines(body[position:end], event_size_limit)
        position = end + 1


def _lines(text: bytes, event_size_limit: int) -> Windows:
    lines = iter(text.split(b"\n"))
    while some := list(islice(lines, WINDOW_EVENTS)):
        stripped = (line.strip() for line in some)
        yield [_cut_down(line, event_size_limit) for line in stripped if line]


def _one_line(body: bytes, start: int, end: int, event_size_limit: int) -> Windows:
    start, end = yield from _trimmed(body, start, end)
    if start < end:
        yield [_event(body, start, end, event_size_limit)]


def _bounded(events: Sequence[msgspec.Raw], event_size_limit: int) -> Windows:
    for start in range(0, len(events) or 1, WINDOW_EVENTS):
        window = [bytes(event) for event in events[start : start + WINDOW_EVENTS]]
        if event_size_limit < WINDOW_BYTES:
            window = [_cut_down(event, event_size_limit) for event in window]
        yield window


def _cut_down(event: bytes, event_size_limit: int) -> bytes:
    return event if len(event) <= event_size_limit else Beginning(event, event_size_limit)


def _event(body: bytes, start: int, end: int, event_size_limit: int) -> bytes:
    """Copy an event from a body, or the part that is kept of one that is too large."""
    if end - start <= event_size_limit:
        return body[start:end]
    kept = body[start : min(end, start + Beginning.KEPT_BYTES)]
    return Beginning(kept, event_size_limit)


def _trimmed(
    body: bytes, start: int, end: int
) -> Generator[Sequence[bytes], None, tuple[int, int]]:
    """Find the text without surrounding whitespace."""
    while start < end and body[start] in SPACE:
        piece = body[start : min(start + _TRIM_BYTES, end)]
        start += len(piece) - len(piece.lstrip(SPACE))
        if len(piece) == _TRIM_BYTES:
            yield []
    while start < end and body[end - 1] in SPACE:
        piece = body[max(end - _TRIM_BYTES, start) : end]
        end -= len(piece) - len(piece.rstrip(SPACE))
        if len(piece) == _TRIM_BYTES:
            yield []
    return start, end


def _one(body: bytes, start: int, end: int, event_size_limit: int) -> Windows:
    if end - start > event_size_limit or not _is_json(body[start:end]):
        yield from _check_brackets(body, start, end, ord("}"))
    yield [_event(body, start, end, event_size_limit)]


def _is_json(text: bytes) -> bool:
    """Check that a text is JSON; text nested too deeply to tell passes.

    The decoder also refuses lone surrogates, which are a fault of the event.

    Raises:
        Invalid: It is not JSON.
    """
    try:
        _ANY.decode(text)
    except RecursionError:
        return False
    except msgspec.DecodeError as error:
        without_surrogates = text.replace(rb"\ud", rb"\u0").replace(rb"\uD", rb"\u0")
        with suppress(msgspec.DecodeError, RecursionError):
            _ANY.decode(without_surrogates)
            return True
        raise Invalid([Fault("", "json_invalid", f"The body is not JSON: {error}")]) from error
    return True


def _check_brackets(body: bytes, start: int, end: int, closing: int) -> Windows:
    """Check that the first bracket of a text is closed by its last byte."""
    walk = Walk(body, start + 1, end - 1)
    while walk.position < walk.end:
        _check_step(walk)
        yield []
    if end - start < len("[]") or body[end - 1] != closing or walk.depth != 1 or walk.in_string:
        raise _mismatch()


def _check_step(walk: Walk) -> bool:
    """Advance; return whether an element may end on the way."""
    lowest = walk.step()
    if lowest is not None and lowest < 1:
        raise _mismatch()
    return lowest == 1


def _mismatch() -> Invalid:
    message = "The body is not JSON: brackets do not match, or a string is not closed"
    return Invalid([Fault("", "json_invalid", message)])


def _array(body: bytes, start: int, end: int, event_size_limit: int) -> Windows:
    shown = _Shown(body)
    stretches = yield from _stretches(body, start, end, shown)
    for stretch in stretches:
        events = _elements(shown.show(stretch.start, stretch.end)) if stretch.plain else None
        if events is None:
            yield from _rough(body, stretch, event_size_limit)
        else:
            yield from _bounded(events, event_size_limit)


def _stretches(
    body: bytes, start: int, end: int, shown: _Shown
) -> Generator[Sequence[bytes], None, list[_Stretch]]:
    """Cut an array into stretches, each as long as a window if possible.

    The end of an element is guessed first: if the part in brackets is JSON again, the
    guess was right, because a cut inside an element leaves a string, an object or an
    array open. If no guess is right, brackets are counted for a while: longer each
    time it happens in a row.
    """
    close = end - 1
    if close <= start or body[close] != ord("]"):
        raise _mismatch()
    position, _ = yield from _trimmed(body, start + 1, close)
    if position == close:
        return []
    position = start + 1
    stretches: list[_Stretch] = []
    rough_bytes = PIECE_BYTES
    while position <= close:
        for cut in _likely_cuts(body, position, close):
            stretch = _Stretch(position, cut, plain=True)
            if _is_plain(shown.show(position, cut)):
                rough_bytes = PIECE_BYTES
                break
            yield []
        else:
            stretch = yield from _counted(body, position, close, rough_bytes)
            rough_bytes = min(2 * rough_bytes, _LONGEST_ROUGH_BYTES)
        stretches.append(stretch)
        position = stretch.end + 1
        yield []
    return stretches


def _counted(
    body: bytes, start: int, close: int, rough_bytes: int
) -> Generator[Sequence[bytes], None, _Stretch]:
    """Count brackets until an element ends after so many bytes, or the array ends."""
    walk = Walk(body, start, close)
    while walk.position < close:
        before = replace(walk)
        if _check_step(walk) and before.position - start >= rough_bytes:
            for found in commas(replace(before, end=walk.position)):
                if found:
                    return _Stretch(start, found[0], plain=False)
        yield []
    if walk.depth != 1 or walk.in_string:
        raise _mismatch()
    return _Stretch(start, close, plain=False)


def _rough(body: bytes, stretch: _Stretch, event_size_limit: int) -> Windows:
    """Split a stretch by brackets alone; the text between two commas may be empty."""
    window: list[bytes] = []
    size, start = 0, stretch.start
    for ends in chain(commas(Walk(body, start, stretch.end)), [[stretch.end]]):
        yield []
        if not ends:
            continue
        events = yield from _between(body, start, ends, event_size_limit)
        start = ends[-1] + 1
        for some in _filled(events):
            more = sum(map(len, some))
            if window and (size + more > WINDOW_BYTES or len(window) + len(some) > WINDOW_EVENTS):
                yield window
                window, size = [], 0
            window += some
            size += more
    yield window


def _between(
    body: bytes, start: int, ends: Sequence[int], event_size_limit: int
) -> Generator[Sequence[bytes], None, list[bytes]]:
    """Copy the events that end at commas; the first may have begun long before."""
    first, last = yield from _trimmed(body, start, ends[0])
    events = [_event(body, first, last, event_size_limit)]
    events += [body[comma + 1 : end].strip(SPACE) for comma, end in pairwise(ends)]
    if event_size_limit < 2 * PIECE_BYTES:
        events = [_cut_down(event, event_size_limit) for event in events]
    return events


def _filled(events: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield a large event alone, and others up to a window's number together."""
    yield events[:1]
    for start in range(1, len(events), WINDOW_EVENTS):
        yield events[start : start + WINDOW_EVENTS]


def _likely_cuts(body: bytes, start: int, close: int) -> Iterator[int]:
    """Guess where an event of the array ends, so that a window is as full as possible."""
    end = start + WINDOW_BYTES
    if close <= end:
        yield close
        return
    near_end = end - WINDOW_BYTES // 8
    if opening := _OPENING.search(body, start, near_end):  # events tend to begin alike
        yield from _commas_before(opening[0], body, near_end, end)
    gaps = [gap.end() for gap in _BETWEEN_OBJECTS.finditer(body, near_end, end)]
    yield from reversed(gaps[-_GUESSES:])
    comma = body.rfind(b",", near_end, end)
    if comma >= 0:
        yield comma


def _commas_before(opening: bytes, body: bytes, start: int, end: int) -> Iterator[int]:
    for _ in range(_GUESSES):
        end = body.rfind(opening, start, end)
        comma = body.rfind(b",", start, end)
        if end < 0 or comma < 0:
            return
        if not body[comma + 1 : end].strip(SPACE):
            yield comma


def _is_plain(text: memoryview) -> bool:
    """Return whether the decoder accepts a stretch, in brackets, that is not empty."""
    try:
        _ANY.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return bool(_NOT_SPACE.search(text, 1, len(text) - 1))


def _elements(text: bytes | memoryview) -> list[msgspec.Raw] | None:
    """Split an array that the decoder accepts; None if it does not."""
    try:
        return _ELEMENTS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
