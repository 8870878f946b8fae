"""Rows: the stored columns of an event, and its keys."""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from functions.events import SOURCES, FunnelStage, Source
from functions.events.keys import deriving
from functions.senders import Channel
from functions.senders.canonical import Mapping


class EventRow(NamedTuple):
    """One event as it is stored: what it is, how it arrived, and its user.

    Columns that a source or a stage does not have are None. Times are in UTC.

    Attributes:
        id: Derived from source and event id, 16 bytes: the same event, the same key.
        user_key: Derived from source and user id, 16 bytes; never an event's key. None if the
            user is not known.
        trace_parent: The request's W3C ``traceparent``.
        published_at: When the broker stored the message that it came in.
        stream_sequence: That message's sequence in the broker's stream, from 1.
        deliveries: How often that message had been delivered when the row was made.
        revenue: The amount of a revenue event, None on any other.
        channel: How it came. The four after it are of events that did not come natively.
        currency: Of the revenue, ISO 4217.
        event_name: The sender's name of a custom event.
        mapping: Whether the type means the same as the platform's own event.
        payload: The event as received, JSON text.
        age: The user's, as are all columns after it.
    """

    id: bytes
    user_key: bytes | None
    occurred_at: datetime
    source: Source
    funnel_stage: FunnelStage
    event_type: str
    channel: Channel
    mapping: Mapping | None
    revenue: Decimal | None
    campaign_id: str | None
    watch_country: str | None
    watch_device: str | None
    watch_seconds: float | None
    percentage_watched: float | None
    currency: str | None
    order_id: str | None
    event_name: str | None
    accepted_at: datetime
    correlation_id: str
    trace_parent: str | None
    published_at: datetime | None
    stream_sequence: int | None
    deliveries: int | None
    event_id: str
    payload: str
    age: int | None
    gender: str | None
    followers: int | None
    country: str | None
    city: str | None


_EVENT_KEYS: Final = {source: deriving(f"{source}\0".encode()) for source in SOURCES}
_USER_KEYS: Final = {source: deriving(f"user\0{source}\0".encode()) for source in SOURCES}


def event_key(source: Source, event_id: str) -> bytes:
    """Derive the primary key of an event, 16 bytes.

    Args:
        source: The platform, within which event ids are unique.
        event_id: The platform's own id.
    """
    return _EVENT_KEYS[source](event_id.encode())


def user_key(source: Source, user_id: str) -> bytes:
    """Derive the key of a user, 16 bytes; no event has the same.

    Args:
        source: The platform, within which user ids are unique.
        user_id: The platform's own id.
    """
    return _USER_KEYS[source](user_id.encode())
