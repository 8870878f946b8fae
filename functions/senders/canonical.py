"""Canonical records: what adapters make of the platforms' requests, free of personal data.

A record travels in an envelope as a native event does, as one JSON text, in a batch whose
channel is not ``native``. Collectors decode it by the structs below and by nothing else. It
is the payload that is stored: names, texts, addresses and the platforms' own user ids and
hashes are never part of it.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from functions.events import Source
from functions.events.shapes import EventId
from functions.events.timestamps import UtcMoment, read_moment

Text = Annotated[str, Meta(min_length=1, max_length=200)]
UserKey = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""HMAC-SHA256 by ``USER_KEY_PEPPER`` of the source and the platform's id; its first 16 bytes."""

Amount = Annotated[str, Meta(pattern=r"\A-?[0-9]{1,12}(\.[0-9]{1,6})?\Z")]
"""An exact decimal in the currency's major unit; negative for a refund, which is not a sale."""

Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
"""ISO 4217."""

Mapping = Literal["exact", "approximate"]


class _Record(
    Struct,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    gc=False,
):
    """The common part of every record.

    Attributes:
        event_id: Its identity within its source, made from the platform's own ids, so that
            the same delivery sent again is the same record. Never a user's id.
        timestamp: When it happened, UTC; not when it was sent.
        source: The platform.
        platform_event: The platform's own name of it, such as ``Purchase``.
    """

    event_id: EventId
    timestamp: UtcMoment
    source: Source
    platform_event: Text


class CanonicalEvent(_Record, tag="event", kw_only=True):
    """An event; values that a platform does not report are None and never guessed.

    Attributes:
        event_type: Of the source's native types, or of ``STANDARD_TYPES``.
        mapping: Whether the type means the same as the platform's event.
        user_key: The user, if one is known and has not opted out.
        amount: Of money; together with ``currency``, or neither.
        order_id: The shop's id of the order.
        event_name: The sender's name of a ``custom`` event.
        has_click_id: Whether the platform's click id was there.
    """

    event_type: Text
    mapping: Mapping = "exact"
    user_key: UserKey | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    order_id: Text | None = None
    event_name: Text | None = None
    campaign_id: Text | None = None
    ad_id: Text | None = None
    has_click_id: bool = False


class Retraction(_Record, tag="retraction", kw_only=True):
    """Takes an event back, whichever of the two comes first.

    Attributes:
        retracted_id: The ``event_id`` of that event.
    """

    retracted_id: EventId


class MetricSnapshot(_Record, tag="metric", kw_only=True):
    """A figure as a platform reports it; never turned into events.

    Attributes:
        object_type: For example ``ad``.
        object_id: The platform's id of the object.
        metric: For example ``video_view``.
        value: A decimal as text; money is in the currency's minor unit.
    """

    object_type: Text
    object_id: Text
    metric: Text
    value: Text


class ErasureRequest(_Record, tag="erasure", kw_only=True):
    """A platform's request to erase a user.

    Attributes:
        user_key: The user.
        confirmation_code: The code by which the user finds its state.
    """

    user_key: UserKey
    confirmation_code: Text


Record = CanonicalEvent | Retraction | MetricSnapshot | ErasureRequest

_RECORDS: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record, dec_hook=read_moment)
_ENCODER: Final = msgspec.json.Encoder(enc_hook=datetime.isoformat)  # of a subclass of it


def decode_record(raw: bytes) -> Record:
    """Read a record.

    Raises:
        MsgspecError: It is not one.
    """
    return _RECORDS.decode(raw)


def encode_record(record: Record) -> bytes:
    """Write a record as one JSON text."""
    return _ENCODER.encode(record)
