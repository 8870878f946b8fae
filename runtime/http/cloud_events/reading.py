"""Read CloudEvents 1.0 over HTTP in each of its three modes: headers and a body in, data out.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
Data stay the bytes that they are: the project's own library reads JSON data
into Python's values, and an amount with them into a float.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import unquote

import msgspec

from runtime.http.answers import HttpProblem
from runtime.http.request import Headers
from runtime.trace_context import trace_parent_of

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_Name = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event as it was delivered.

    Attributes:
        data: What it carries. Of one that is not to the standard, all of it.
        correlation_id: Its extension ``correlationid``, whatever it says.
        trace_parent: Its extension ``traceparent``, if that is valid.
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
    data_base64: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None


_EVENT: Final = msgspec.json.Decoder(_Structured)
_EVENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


def check_mode(headers: Headers) -> None:
    """Make sure that a request says that it is a CloudEvent, before its body is read.

    Raises:
        HttpProblem: It does not.
    """
    if _media_type(headers) not in (STRUCTURED, BATCH) and not headers.get("ce-specversion", ""):
        detail = f"Content-Type should be {STRUCTURED} or {BATCH}, or headers ce-* should be there"
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


def read_cloud_events(headers: Headers, body: bytes) -> Iterator[CloudEvent]:
    """Read the events of a request that ``check_mode`` has let pass; never raises."""
    match _media_type(headers):
        case mode if mode == BATCH:
            yield from _read_batch(body)
        case mode if mode == STRUCTURED:
            yield _read_structured(body)
        case _:
            yield _read_binary(headers, body)


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _read_batch(body: bytes) -> Iterator[CloudEvent]:
    try:
        events = _EVENTS.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        yield CloudEvent(body)
    else:
        for event in events:
            yield _read_structured(bytes(event))


def _read_structured(raw: bytes) -> CloudEvent:
    try:
        event = _EVENT.decode(raw)
        data = bytes(event.data)
        if event.data_base64 is not None:
            data = base64.b64decode(event.data_base64, validate=True)
        elif data.startswith(b'"'):  # data of another type than JSON are in a string
            data = _TEXT.decode(data).encode()
    except (msgspec.MsgspecError, RecursionError, binascii.Error, ValueError):
        return CloudEvent(raw)
    return CloudEvent(data, event.correlationid, _trace_parent(event.traceparent))


def _read_binary(headers: Headers, body: bytes) -> CloudEvent:
    correlation_id = unquote(headers.get("ce-correlationid", ""))
    return CloudEvent(body, correlation_id, _trace_parent(headers.get("ce-traceparent", "")))


def _trace_parent(text: str | None) -> str | None:
    return trace_parent_of([text] if text else [])
