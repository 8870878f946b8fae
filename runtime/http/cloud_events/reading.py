"""Read CloudEvents 1.0 over HTTP in each of its three modes: headers and a body in, data out.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
Data stay as raw bytes: the project's own library decodes JSON data into Python
values, and so turns an amount into a float.
"""

import binascii
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Final
from urllib.parse import unquote

import msgspec

from functions.errors import Invalid
from functions.events.scanning import SPACE, Walk, commas
from runtime.http.request import Headers
from runtime.http.responses import HttpProblem
from runtime.http.splitting import BYTE_ORDER_MARK, split_json
from runtime.telemetry.trace_context import trace_parent_of

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_Name = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event as it was delivered.

    Attributes:
        data: What it carries; the whole event if it does not follow the standard.
        correlation_id: Its extension ``correlationid``, unchecked.
        trace_parent: Its extension ``traceparent``, if valid.
    """

    data: bytes
    correlation_id: str | None = None
    trace_parent: str | None = None


class _Structured(msgspec.Struct):
    specversion: Annotated[str, msgspec.Meta(pattern=r"^1\.")]
    id: _Name
    source: _Name
    type: _Name
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: msgspec.Raw = msgspec.Raw(b"null")
    correlationid: str | None = None
    traceparent: str | None = None


_EVENT: Final = msgspec.json.Decoder(_Structured)
_TEXT: Final = msgspec.json.Decoder(str)

_LARGE_BYTES: Final = 256 * 1024
"""Events up to this size are read in one step; a larger one may be large in its data only."""

_PIECE_BYTES: Final = 1024**2
"""How much of the data is decoded at a time; a multiple of four, as base64 needs."""

_NOTHING: Final = (b"", b"null")
_DATA: Final = re.compile(rb'\s*"(data|data_base64)"\s*:\s*')
_CHARACTERS: Final = re.compile(
    rb"(?:[^\\\"]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}"
    rb"|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\[^u])*+",
    re.DOTALL,
)


def check_mode(headers: Headers) -> None:
    """Check that a request declares itself a CloudEvent, before its body is read.

    Raises:
        HttpProblem: It does not.
    """
    if _media_type(headers) not in (STRUCTURED, BATCH) and not headers.get("ce-specversion", ""):
        detail = f"Content-Type should be {STRUCTURED} or {BATCH}, or there should be headers ce-*"
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def read_cloud_events(headers: Headers, body: bytes) -> Iterator[CloudEvent | None]:
    """Read the events of a request that passed ``check_mode``; never raises.

    Yields:
        Each event; None now and then, so that other requests get their turn.
    """
    body = body.removeprefix(BYTE_ORDER_MARK)
    match _media_type(headers):
        case mode if mode == BATCH:
            yield from _read_batch(body)
        case mode if mode == STRUCTURED:
            yield from _read_structured(body)
        case _:
            yield _read_binary(headers, body)


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _read_batch(body: bytes) -> Iterator[CloudEvent | None]:
    try:
        for window in split_json(body, len(body)):
            for event in window:
                yield from _read_structured(event)
            yield None
    except Invalid:
        yield CloudEvent(body)


def _read_structured(raw: bytes) -> Iterator[CloudEvent | None]:
    envelope, data, encoded = raw, b"", b""
    if len(raw) > _LARGE_BYTES:
        envelope, data, encoded = yield from _taken_apart(raw)
    try:
        event = _EVENT.decode(envelope)
        data = data or bytes(event.data)
        encoded = encoded or bytes(event.data_base64)
        if encoded not in _NOTHING:
            data = yield from _decoded(encoded)
        elif data.startswith(b'"'):  # data of a type other than JSON are in a string
            data = yield from _text(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, binascii.Error):
        yield CloudEvent(raw)
    else:
        yield CloudEvent(data, event.correlationid, _trace_parent(event.traceparent))


def _taken_apart(raw: bytes) -> Generator[None, None, tuple[bytes, bytes, bytes]]:
    """Separate the data from a large event, so that the rest can be read as usual.

    Returns:
        The event without its data; its data; its data in base64, in quotation
        marks. Nothing if it is not an object or the rest is large as well.
    """
    raw = raw.strip(SPACE)
    start, end, rest = 1, len(raw) - 1, bytearray()
    walk = Walk(raw, start, end)
    found = {b"data": b"", b"data_base64": b""}
    if raw[:1] != b"{" or raw[end : end + 1] != b"}":
        return b"", b"", b""
    for ends in chain(commas(walk), [[end]]):
        for comma in ends:
            if data := _DATA.match(raw, start, comma):
                found[data[1]] = raw[data.end() : comma].rstrip(SPACE)
            else:
                rest += b"," * bool(rest) + raw[start : min(comma, start + _LARGE_BYTES)]
            start = comma + 1
        if len(rest) > _LARGE_BYTES:
            return b"", b"", b""
        yield None
    if walk.depth != 1 or walk.in_string:
        return b"", b"", b""
    return b"{%b}" % bytes(rest), found[b"data"], found[b"data_base64"]


def _decoded(encoded: bytes) -> Generator[None, None, bytes]:
    """Decode base64 in quotation marks, piece by piece."""
    _check_quoted(encoded)
    digits = encoded[1:-1].replace(rb"\/", b"/")
    pieces = []
    for start in range(0, len(digits), _PIECE_BYTES):
        piece = digits[start : start + _PIECE_BYTES]
        if b"=" in piece and start + _PIECE_BYTES < len(digits):
            raise binascii.Error("padding inside")
        pieces.append(binascii.a2b_base64(piece, strict_mode=True))
        yield None
    return b"".join(pieces)


def _text(string: bytes) -> Generator[None, None, bytes]:
    """Read a JSON string as UTF-8, piece by piece: as Python text it may be four times as long."""
    pieces = []
    _check_quoted(string)
    position, end = 1, len(string) - 1
    while position < end:
        piece = _CHARACTERS.match(string, position, min(position + _PIECE_BYTES, end))
        stop = piece.end() if piece else position
        while stop < end and stop > position and _is_within_character(string[stop]):
            stop -= 1
        if stop == position:
            raise msgspec.DecodeError("the string is malformed")
        pieces.append(_TEXT.decode(b'"%b"' % string[position:stop]).encode())
        position = stop
        yield None
    return b"".join(pieces)


def _is_within_character(byte: int) -> bool:
    """Return whether a byte of UTF-8 continues a character."""
    return byte >> 6 == 0b10  # noqa: PLR2004 - as Unicode has it


def _check_quoted(string: bytes) -> None:
    if len(string) < len('""') or not string.startswith(b'"') or not string.endswith(b'"'):
        raise msgspec.DecodeError("this is no string")


def _read_binary(headers: Headers, body: bytes) -> CloudEvent:
    correlation_id = unquote(headers.get("ce-correlationid", ""))
    return CloudEvent(body, correlation_id, _trace_parent(headers.get("ce-traceparent", "")))


def _trace_parent(text: str | None) -> str | None:
    return trace_parent_of([text] if text else [])
