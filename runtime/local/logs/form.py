"""One format for the log lines of all processes: JSON in the files, readable on a terminal."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

_HEAD: Final = '{"timestamp":"'
_LEVELS: Final = (
    ("error", re.compile(r"\[(?:ERR|FTL)\]|\b(?:ERROR|FATAL|PANIC):")),
    ("warning", re.compile(r"\[WRN\]|\bWARNING:")),
)
"""How broker and database mark lines above information level."""

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
_is_plain: Final = re.compile(r"""[^\s"={}\[\]]+""").fullmatch


def as_json(process: str, line: str) -> str:
    """Turn a line of a process into JSON; a JSON line stays unchanged."""
    if line.startswith(_HEAD) and line.endswith("}"):
        return line
    level = next((level for level, mark in _LEVELS if mark.search(line)), "info")
    fields = {
        "timestamp": datetime.now(UTC),
        "level": level,
        "service": process,
        "message": line.rstrip(),
    }
    return _encode(fields).decode()


def readable(line: str) -> str:
    """Format a JSON line for a person; another line stays unchanged."""
    if not line.startswith(_HEAD):
        return line
    try:
        fields = _decode(line)
    except msgspec.MsgspecError:
        return line
    moment, level = fields.pop("timestamp"), fields.pop("level", "")
    fields.pop("service", None)
    traced = _traced(fields.pop("exception", None))
    head = f"{moment} {level:<7} {fields.pop('message', '')}"
    return " ".join([head, *_told(fields)]) + traced if fields else head + traced


def of_process(process: str, line: str) -> str:
    """Add the process's name to its JSON line, for output with lines of many."""
    return f'{{"process":"{process}",{line[1:]}'


def _told(fields: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in fields.items()]


def _traced(errors: Any) -> str:
    """Format errors and their tracebacks, a line each; the innermost frame last."""
    if not isinstance(errors, list):
        return ""
    lines = []
    for error in errors:
        lines.append(f"  {error.get('exc_type')}: {error.get('exc_value')}")
        lines += [
            f"    {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
            for frame in error.get("frames", ())
        ]
    return "".join(f"\n{line}" for line in lines)


def _value(value: Any) -> str:
    kind = type(value)  # not isinstance: true and false are written as JSON has them
    if kind is int or kind is float:
        return str(value)
    if kind is str and _is_plain(value):
        return str(value)
    return _encode(value).decode()
