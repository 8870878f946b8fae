"""Rows of records that are not events: retractions, metric snapshots, requests to erase."""

from datetime import datetime
from typing import NamedTuple

from functions.events import Source
from functions.senders import Channel


class RetractionRow(NamedTuple):
    """A retraction as it is stored: the columns of table ``retractions``.

    Attributes:
        id: Derived from source and event id, 16 bytes; no event has the same.
        retracted_key: The key of the event that it takes back.
        retracted_id: That event's id.
        payload: The record, JSON text.
    """

    id: bytes
    retracted_key: bytes
    occurred_at: datetime
    accepted_at: datetime
    source: Source
    channel: Channel
    event_id: str
    retracted_id: str
    correlation_id: str
    payload: str


class MetricRow(NamedTuple):
    """A figure as a platform reported it: the columns of table ``metric_snapshots``."""

    id: bytes
    occurred_at: datetime
    accepted_at: datetime
    source: Source
    channel: Channel
    event_id: str
    object_type: str
    object_id: str
    metric: str
    value: str
    correlation_id: str
    payload: str


class ErasureRow(NamedTuple):
    """A platform's request to erase a user: the first columns of table ``erasures``.

    Attributes:
        user_key: The user, 16 bytes.
    """

    id: bytes
    user_key: bytes
    requested_at: datetime
    accepted_at: datetime
    source: Source
    channel: Channel
    event_id: str
    confirmation_code: str
    correlation_id: str
    payload: str


NoticeRow = RetractionRow | MetricRow | ErasureRow
"""A record that is not an event."""
