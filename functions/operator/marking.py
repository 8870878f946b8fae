"""Find a fault in the text of an event: the path of a field in, its position out."""

import json
from typing import Any, Final, NamedTuple

from functions.events.reading import unstorable_at

_SPACE: Final = " \t\n\r"
_NOT_JSON: Final = "json_invalid"
_UNSTORABLE: Final = frozenset({"nul_character", "lone_surrogate"})
_ESCAPE_LENGTH: Final = len(r"\u0000")


class Mark(NamedTuple):
    """The position of a fault in a text: ``start <= it < end``, in characters.

    Attributes:
        is_missing: The field is missing; the mark is the object that lacks it.
    """

    start: int
    end: int
    is_missing: bool = False


def mark_fault(text: str, field: str, code: str) -> Mark | None:
    """Find the value of a field in JSON text as received, or the place where it stops being JSON.

    Of a repeated key the last one counts, as for a JSON reader.

    Args:
        text: Of one event; its end may be cut off.
        field: Dotted path of the fault; empty for the whole.
        code: The kind of fault.

    Returns:
        None if it is the whole text, or can't be found.
    """
    try:
        if field:
            return _find(text, _after_space(text, 0), field.split("."))
        if code == _NOT_JSON:
            _DECODER.decode(text)
        elif code in _UNSTORABLE:
            return _unstorable(text.encode())
    except json.JSONDecodeError as error:
        return None if field else _place_of(text, error.pos)
    except RecursionError:
        return None
    return None


def _as_is(number: str) -> str:
    return number


_DECODER: Final = json.JSONDecoder(parse_int=_as_is, parse_float=_as_is, strict=False)
"""Numbers stay text: converting a long one would be slow."""


def _find(text: str, start: int, path: list[str]) -> Mark | None:
    """Follow a path from the value at a position."""
    for depth, name in enumerate(path):
        found = _member(text, start, name)
        if found is None:
            # Nothing is marked if the event itself lacks the field: the mark would be all of it.
            return Mark(start, _end_of(text, start), is_missing=True) if depth else None
        start = found
    return Mark(start, _end_of(text, start))


def _member(text: str, start: int, name: str) -> int | None:
    """Find where the value of a key, or of an array's index, starts."""
    if text[start : start + 1] not in ("{", "["):
        return None
    is_object = text[start] == "{"
    found, count = None, 0
    at = _after_space(text, start + 1)
    while at < len(text) and text[at] not in "}]":
        key: Any = str(count)
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        if key == name:
            found = at
        at = _after_space(text, _end_of(text, at))
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        count += 1
    return found


def _end_of(text: str, start: int) -> int:
    _, end = _DECODER.raw_decode(text, start)
    return end


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _unstorable(raw: bytes) -> Mark | None:
    at = unstorable_at(raw)
    if at is None:
        return None
    start = len(raw[:at].decode())
    return Mark(start, start + _ESCAPE_LENGTH)


def _place_of(text: str, at: int) -> Mark | None:
    """Mark the character at a position, or the last one if the text ends too early."""
    if not text:
        return None
    start = min(at, len(text) - 1)
    return Mark(start, start + 1)
