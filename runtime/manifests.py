"""Manifests: what a gateway counted of an envelope, in a header of its message.

In a header, so that the ledger knows how many events an unreadable message had.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

import msgspec

from functions.events import SOURCES, Source
from functions.ports import Envelope, Part, Told

Headers = Mapping[str, str] | None

MESSAGE_ID: Final = "Nats-Msg-Id"
MANIFEST: Final = "Eps-Manifest"

_TOLD: Final = 8
"""How many envelopes an envelope tells of: so many in a row would have to be
lost before one of them is not missed."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Events = Annotated[int, msgspec.Meta(ge=0)]


class _Told(msgspec.Struct, array_like=True):
    id: UUID
    minute: _Moment
    events: _Events
    sequence: _Events


class _Manifest(msgspec.Struct):
    instance: UUID
    minute: _Moment
    events: _Events
    told: list[_Told]


_MANIFESTS: Final = msgspec.json.Decoder(_Manifest)


def write_manifest(envelope: Envelope) -> dict[str, str]:
    """Write the headers of an envelope's message."""
    told = [_Told(UUID(bytes=it.id), it.minute, it.events, it.sequence) for it in envelope.told]
    manifest = _Manifest(UUID(bytes=envelope.instance), envelope.minute, envelope.events, told)
    return {
        MESSAGE_ID: envelope.id.hex(),
        MANIFEST: msgspec.json.encode(manifest).decode(),
    }


def read_manifest(source: Source, headers: Headers) -> Envelope | None:
    """Read the headers of an envelope's message; None where they count nothing."""
    try:
        manifest = _MANIFESTS.decode((headers or {}).get(MANIFEST, ""))
        message_id = UUID((headers or {}).get(MESSAGE_ID, ""))
    except (msgspec.MsgspecError, ValueError):
        return None
    told = [Told(it.id.bytes, it.minute, it.events, it.sequence) for it in manifest.told]
    return Envelope(
        message_id.bytes,
        source,
        manifest.instance.bytes,
        manifest.minute,
        manifest.events,
        told,
    )


def minute_of(part: Part) -> datetime:
    """Tell the minute in which a part was accepted, by its first instant."""
    return part.accepted_at.replace(second=0, microsecond=0)


class Counted:
    """What one process of the gateway has counted, for the ledger."""

    def __init__(self) -> None:
        self._instance = uuid4().bytes
        self._told: dict[Source, deque[Told]] = {it: deque(maxlen=_TOLD) for it in SOURCES}

    def envelope(self, source: Source, parts: Sequence[Part]) -> Envelope:
        """Count parts, all of one minute, that will travel together."""
        return Envelope(
            uuid4().bytes,
            source,
            self._instance,
            minute_of(parts[0]),
            sum(len(part.events) for part in parts),
            tuple(self._told[source]),
        )

    def acknowledged(self, envelope: Envelope, sequence: int) -> None:
        """Note that the broker has an envelope: those that follow tell of it.

        One that is not acknowledged may be on the broker too. Nobody tells of
        it then, and it is counted when it is settled.
        """
        told = Told(envelope.id, envelope.minute, envelope.events, sequence)
        self._told[envelope.source].append(told)
