"""Prune large events: values unknown to the contract are checked to be JSON, and left out.

pydantic parses all of a text into a tree before it looks at any of it. For a
megabyte of brackets that takes 0.3 seconds and 60 MB.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from functions.errors import Fault, Invalid
from functions.events.scanning import Walk, depths, turns, without_strings
from functions.events.sources import FORMS

LARGE_BYTES: Final = 4096
"""Up to this size pydantic reads an event in a millisecond, whatever it contains."""

_MAX_DEPTH: Final = 200
_MAX_DIGITS: Final = 4300
"""How deep a text may nest, and how many digits a number may have; pydantic's own limits."""

_LONG_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]{%d}" % (_MAX_DIGITS + 1))

_DIGITS: Final = b"0123456789"
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)

Keys = Mapping[str, "Keys"]
"""The keys that the contract knows, and those inside them."""


def _keys_of(shapes: Iterable[type[msgspec.Struct]]) -> Keys:
    kinds: dict[str, list[Any]] = {}
    for shape in shapes:
        if tag := shape.__struct_config__.tag_field:
            kinds.setdefault(tag, [])
        for field in msgspec.structs.fields(shape):
            kinds.setdefault(field.encode_name, []).extend((field.type, *get_args(field.type)))
    return {name: _keys_of(filter(_is_shape, within)) for name, within in kinds.items()}


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class _Pruner:
    """Prunes one object and everything in it."""

    def __init__(self, keys: Keys) -> None:
        self._within = [_Pruner(inner) if inner else None for inner in keys.values()]
        self._names = [msgspec.json.encode(name) + b":" for name in keys]
        fields: list[tuple[str, Any, Any]] = [
            (f"field_{number}", msgspec.Raw, msgspec.Raw()) for number in range(len(keys))
        ]
        names = {field[0]: name for field, name in zip(fields, keys, strict=True)}
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Known", fields, rename=names))

    def prune(self, raw: bytes) -> bytes:
        known = map(bytes, msgspec.structs.astuple(self._decoder.decode(raw)))
        members = [
            name + _pruned(value, within)
            for name, value, within in zip(self._names, known, self._within, strict=True)
            if value
        ]
        return b"{%b}" % b",".join(members)


def _pruned(raw: bytes, within: _Pruner | None) -> bytes:
    """Prune a value; of one that has the wrong type, only the type is kept."""
    match raw[:1]:
        case b"{":
            return within.prune(raw) if within else b"{}"
        case b"[":
            return b"[]"
    return raw


_PRUNER: Final = _Pruner(_keys_of(shape for form in FORMS.values() for shape in form.shapes))


def prune(raw: bytes) -> bytes:
    """Reduce an event to the part that the contract looks at, in which it finds the same faults.

    Raises:
        Invalid: It is not JSON, or not JSON that pydantic would read.
    """
    try:
        raw.decode()
        if raw.count(b"[") + raw.count(b"{") > _MAX_DEPTH:
            _check_depth(raw)
        if _may_have_long_number(raw) and _LONG_NUMBER.search(without_strings(raw)):
            raise _not_json("a number has too many digits")
        text = raw.strip()
        if not text.startswith(b"{"):
            _ANY.decode(text)
        return _pruned(text, _PRUNER)
    except UnicodeDecodeError as error:
        raise _not_json("it is not UTF-8") from error
    except RecursionError as error:
        raise _not_json("it is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise _not_json(str(error)) from error


def _check_depth(raw: bytes) -> None:
    walk = Walk(raw, 0, len(raw), depth=0)
    while walk.position < walk.end:
        walk.step()
        if walk.deepest > _MAX_DEPTH:  # possibly too deep
            bare = b"" if walk.depth > _MAX_DEPTH else turns(without_strings(raw))
            if walk.depth > _MAX_DEPTH or max(depths(bare)) > _MAX_DEPTH:
                raise _not_json("it is nested too deeply")
            return


def _may_have_long_number(raw: bytes) -> bool:
    """Check one byte at each interval: a number with too many digits would cover one of them."""
    for place in range(_MAX_DIGITS, len(raw), _MAX_DIGITS + 1):
        if raw[place] in _DIGITS:
            before = raw[place - _MAX_DIGITS : place]
            after = raw[place : place + _MAX_DIGITS + 1]
            digits = len(before) - len(before.rstrip(_DIGITS))
            if digits + len(after) - len(after.lstrip(_DIGITS)) > _MAX_DIGITS:
                return True
    return False


def _not_json(why: str) -> Invalid:
    return Invalid([Fault("", "json_invalid", f"Invalid JSON: {why}")])
