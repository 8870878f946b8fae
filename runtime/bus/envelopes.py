"""Envelopes: one message on the bus carries many events or dead letters."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from functions.errors import Fault
from functions.events import Source
from functions.messages import NOT_DELIVERED, AcceptedBatch, DeadLetter, Delivery, Envelope, Reason
from functions.senders import Channel

ENVELOPE_BYTES = 512 * 1024
"""Maximum size of a message, unless one event alone is larger: every message costs the
broker a flush to disk, so few large ones are cheap, and a collector can still bound
what it fetches."""

MAX_MESSAGE_BYTES = 10 * 1024**2
"""Maximum unpacked size of a message. No gateway makes a larger one. A larger message of an
older gateway, or of anybody else, becomes a dead letter as it is: a collector could not
hold its rows."""

_PACKED = b"\x78"  # how zlib's format starts, and JSON never does
_ZLIB_CHECK = 31  # divides the first two bytes (RFC 1950)


class UnreadableEnvelope(Exception):
    """A message is malformed; its bytes go to the dead letters."""


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Part(msgspec.Struct, rename="camel", omit_defaults=True):
    correlation_id: str
    accepted_at: _Moment
    events: list[msgspec.Raw]
    trace_parent: str | None = None
    channel: Channel = "native"


class _Envelope(msgspec.Struct):
    source: Source
    parts: list[_Part]


class _Letter(msgspec.Struct, rename="camel", omit_defaults=True):
    reason: Reason
    field: str
    code: str
    message: str
    position: int
    source: Source | None
    event_id: str | None
    correlation_id: str | None
    accepted_at: _Moment
    payload_bytes: Annotated[int, msgspec.Meta(ge=0)]
    trace_parent: str | None = None
    elements: Annotated[int, msgspec.Meta(ge=1)] = 1
    channel: Channel = "native"


_ENCODER = msgspec.json.Encoder()
_ENVELOPES = msgspec.json.Decoder(_Envelope)
_LETTERS = msgspec.json.Decoder(list[_Letter])


def encode(source: Source, parts: Sequence[AcceptedBatch]) -> bytes:
    """Write an envelope: one JSON object that contains the events byte for byte."""
    return _ENCODER.encode(
        _Envelope(
            source,
            [
                _Part(
                    part.correlation_id,
                    part.accepted_at,
                    [msgspec.Raw(event) for event in part.events],
                    part.trace_parent,
                    part.channel,
                )
                for part in parts
            ],
        )
    )


def decode(
    source: Source,
    data: bytes,
    counted: Envelope | None = None,
    delivery: Delivery = NOT_DELIVERED,
) -> list[AcceptedBatch]:
    """Read an envelope.

    Args:
        source: The expected source of its events.
        data: The message.
        counted: Its gateway's count, for its batches.
        delivery: How it came, for its batches.

    Raises:
        UnreadableEnvelope: It is malformed, or of another source.
    """
    try:
        envelope = _ENVELOPES.decode(unpack(data))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableEnvelope(f"not an envelope: {error}") from error
    if envelope.source != source:
        raise UnreadableEnvelope(f"an envelope of {envelope.source}")
    return [
        AcceptedBatch(
            part.correlation_id,
            part.accepted_at,
            [bytes(raw) for raw in part.events],
            counted,
            part.trace_parent,
            delivery,
            part.channel,
        )
        for part in envelope.parts
    ]


def most_bytes_of(data: bytes) -> int:
    """Return the largest size that a message can unpack to; a packed one gives no clue."""
    return MAX_MESSAGE_BYTES if _is_packed(data) else len(data)


def unpack(data: bytes) -> bytes:
    """Unpack a message packed by an older gateway or for SQS; others are returned unchanged.

    Holds at most ``MAX_MESSAGE_BYTES``, whatever its full size.

    Raises:
        UnreadableEnvelope: It is damaged, or larger than that.
    """
    if not _is_packed(data):
        if len(data) > MAX_MESSAGE_BYTES:
            raise UnreadableEnvelope(f"it has more than {MAX_MESSAGE_BYTES} bytes")
        return data
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, MAX_MESSAGE_BYTES)
        is_whole = unpacker.eof or not unpacker.unconsumed_tail
    except zlib.error as error:
        raise UnreadableEnvelope(f"damaged: {error}") from error
    if not is_whole:
        raise UnreadableEnvelope(f"it unpacks to more than {MAX_MESSAGE_BYTES} bytes")
    if not unpacker.eof:
        raise UnreadableEnvelope("damaged: it is truncated")
    return unpacked


def _is_packed(data: bytes) -> bool:
    return data[:1] == _PACKED and int.from_bytes(data[:2]) % _ZLIB_CHECK == 0


def encode_letters(letters: Sequence[DeadLetter]) -> bytes:
    """Write dead letters: a line of JSON that describes them, then their bytes in its order."""
    head = [
        _Letter(
            letter.reason,
            letter.fault.field,
            letter.fault.code,
            letter.fault.message,
            letter.position,
            letter.source,
            letter.event_id,
            letter.correlation_id,
            letter.accepted_at,
            len(letter.payload),
            letter.trace_parent,
            letter.elements,
            letter.channel,
        )
        for letter in letters
    ]
    return b"".join([_ENCODER.encode(head), b"\n", *(letter.payload for letter in letters)])


def decode_letters(data: bytes) -> list[DeadLetter]:
    """Read dead letters.

    Raises:
        UnreadableEnvelope: It is malformed.
    """
    head, _, payloads = unpack(data).partition(b"\n")
    try:
        described = _LETTERS.decode(head)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableEnvelope(f"not an envelope of dead letters: {error}") from error
    letters, start = [], 0
    for letter in described:
        end = start + letter.payload_bytes
        letters.append(_letter(letter, payloads[start:end]))
        start = end
    if start != len(payloads):
        raise UnreadableEnvelope("the payloads are not as long as their header says")
    return letters


def _letter(described: _Letter, payload: bytes) -> DeadLetter:
    return DeadLetter(
        reason=described.reason,
        fault=Fault(described.field, described.code, described.message),
        payload=payload,
        position=described.position,
        source=described.source,
        event_id=described.event_id,
        correlation_id=described.correlation_id,
        accepted_at=described.accepted_at,
        trace_parent=described.trace_parent,
        elements=described.elements,
        channel=described.channel,
    )
