"""Dead letters: of an invalid event, of many in a mass, of one that the database refuses."""

from datetime import datetime
from typing import Protocol

from functions.errors import Fault
from functions.events.judging import InvalidEvent
from functions.events.rows import EventRow
from functions.masses import Mass
from functions.messages import DeadLetter, Reason
from functions.senders import Channel


class RequestFacts(Protocol):
    """The facts of a request that its dead letters keep; see ``DeadLetter``."""

    @property
    def correlation_id(self) -> str | None:
        """Names the request."""

    @property
    def accepted_at(self) -> datetime:
        """When the gateway accepted it, UTC."""

    @property
    def trace_parent(self) -> str | None:
        """Its W3C ``traceparent``."""

    @property
    def channel(self) -> Channel:
        """The channel of its events."""


def letter_of_event(
    origin: RequestFacts, raw: bytes, position: int, invalid: InvalidEvent
) -> DeadLetter:
    """Make the dead letter of an invalid event, at its place in its request or batch."""
    return DeadLetter(
        reason="rejected",
        fault=invalid.fault,
        payload=raw,
        accepted_at=origin.accepted_at,
        position=position,
        source=invalid.source,
        event_id=invalid.event_id,
        correlation_id=origin.correlation_id,
        trace_parent=origin.trace_parent,
        channel=origin.channel,
    )


def letter_of_mass(origin: RequestFacts, mass: Mass, position: int) -> DeadLetter:
    """Make the dead letter of many events, of which the first has that place."""
    return DeadLetter(
        reason="rejected",
        fault=mass.fault,
        payload=mass.finish(),
        accepted_at=origin.accepted_at,
        position=position,
        correlation_id=origin.correlation_id,
        trace_parent=origin.trace_parent,
        elements=mass.elements,
        channel=origin.channel,
    )


def letter_of_row(row: EventRow, reason: Reason, fault: Fault) -> DeadLetter:
    """Make the dead letter of a valid event that will never be a row.

    The same event is the same letter, in whichever request it arrived.
    """
    return DeadLetter(
        reason=reason,
        fault=fault,
        payload=row.payload.encode(),
        accepted_at=row.accepted_at,
        source=row.source,
        event_id=row.event_id,
        correlation_id=row.correlation_id,
        trace_parent=row.trace_parent,
        channel=row.channel,
    )
