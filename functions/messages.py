"""The messages of a bus, and their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from functions.errors import Fault
from functions.events import Source
from functions.events.keys import derive_key
from functions.events.rows import EventRow
from functions.senders import Channel
from functions.senders.notices import NoticeRow

Reason = Literal["rejected", "unreadable", "refused", "too_old", "summarized"]
"""Why something is a dead letter: the gateway judged it invalid, a collector could not
read it, the database refused it, or it is older than what is kept; or it is not an
event but a summary of rejected ones for which there was no room."""


class Announcement(NamedTuple):
    """A gateway's statement that the broker acknowledged an envelope.

    Attributes:
        id: The envelope's, 16 bytes.
        minute: In which the gateway accepted its events, by its first instant, UTC.
        events: How many it holds.
        sequence: Its sequence in the broker's stream.
    """

    id: bytes
    minute: datetime
    events: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """A gateway's count of the events that travel together: one entry of the ledger.

    Attributes:
        id: The same however often it is delivered, 16 bytes.
        source: The source of its events; None if they are rejected and it is unknown.
        instance: The gateway's process that made it, 16 bytes.
        minute: In which the gateway accepted all of its events, by its first instant, UTC.
        events: How many it holds; 0 if it only announces others.
        announced: The latest envelopes of its lane before it, so that one that never
            arrives is missed.
        rejected: Whether the gateway rejected its events: it holds dead letters.
    """

    id: bytes
    source: Source | None
    instance: bytes
    minute: datetime
    events: int
    announced: Sequence[Announcement] = ()
    rejected: bool = False


class Delivery(NamedTuple):
    """How a message was delivered; None for facts that its bus does not provide.

    Attributes:
        published_at: When the broker stored it, UTC.
        sequence: Its sequence in the broker's stream, from 1.
        times: How often it was delivered, including this time.
        is_replayed: Whether it was settled before, and is replayed by an
            operator; then the first two are those of the original message.
    """

    published_at: datetime | None = None
    sequence: int | None = None
    times: int | None = None
    is_replayed: bool = False


NOT_DELIVERED: Final = Delivery()
"""The delivery of events that were not on a bus."""


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """The valid events of one request, all of one source.

    Attributes:
        correlation_id: The request's, for every log line and row.
        accepted_at: When the gateway accepted the request, UTC.
        events: JSON texts, byte for byte as received, in order.
        envelope: The envelope it came in, if the ledger counts that.
        trace_parent: The request's W3C ``traceparent``, valid; None if it had none.
        delivery: How its message came.
        channel: How its events came; if not natively, they are canonical records.
    """

    correlation_id: str
    accepted_at: datetime
    events: Sequence[bytes]
    envelope: Envelope | None = None
    trace_parent: str | None = None
    delivery: Delivery = NOT_DELIVERED
    channel: Channel = "native"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input that can't become a row, kept so that nothing is lost.

    Attributes:
        reason: Why, and who decided it.
        fault: What is wrong with it.
        payload: Its original bytes; any bytes at all.
        accepted_at: When the gateway accepted the request, UTC.
        position: Its position in the request or batch, from 0: the same bytes at
            the same position are the same letter, so a repeated request adds none.
            For a mass, that of its first element.
        source: The platform, if known.
        event_id: The platform's id of it, if one could be read.
        correlation_id: The request's, if known.
        trace_parent: The request's W3C ``traceparent``, if it had one.
        elements: How many elements of a request it holds. More than one are a
            mass, and its bytes are compressed (``functions.masses``).
        channel: Its channel, which decides by which rules it is judged again.
    """

    reason: Reason
    fault: Fault
    payload: bytes
    accepted_at: datetime
    position: int = 0
    source: Source | None = None
    event_id: str | None = None
    correlation_id: str | None = None
    trace_parent: str | None = None
    elements: int = 1
    channel: Channel = "native"

    @property
    def id(self) -> UUID:
        """The key: a digest of reason, channel, position and bytes."""
        many = f"*{self.elements}" if self.elements > 1 else ""
        channel = "" if self.channel == "native" else f"@{self.channel}"
        place = f"{self.reason}{many}{channel}\0{self.position}\0"
        return UUID(bytes=derive_key(place.encode() + self.payload))


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of storing a batch of rows, or of dead letters.

    Attributes:
        new: Those written now.
        duplicates: Those stored before, which were not changed.
        too_old: Rows older than what is kept: it is unknown whether they are new, so
            each became a dead letter.
    """

    new: int
    duplicates: int
    too_old: int = 0


@dataclass(frozen=True, slots=True)
class EnvelopeOutcome:
    """The outcome of an envelope: each of its events is a row or a dead letter.

    Attributes:
        envelope: None if it was not counted: then the ledger does not include it.
        rows: In any order; may repeat an event, whose first row counts. None if
            the gateway had rejected them all.
        letters: Events that will never be rows; may repeat one.
        unread: Whether its one letter stands for all of its events: it was
            unreadable, or only a summary was kept.
        notices: Records that are not events, each counted as one; may repeat one.
    """

    envelope: Envelope | None
    rows: Sequence[EventRow]
    letters: Sequence[DeadLetter] = ()
    unread: bool = False
    notices: Sequence[NoticeRow] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """A consumer's backlog at the broker.

    Attributes:
        consumer: Its durable name.
        measured_at: When it was measured, UTC.
        messages: Those not acknowledged, delivered or not.
        oldest_at: When the first of them was published, UTC; None for none.
        first_sequence: The broker has no message before it.
        noted_seconds_ago: How long it has been in the store, by the store's own
            clock; 0 for a new one.
    """

    consumer: str
    measured_at: datetime
    messages: int
    oldest_at: datetime | None
    first_sequence: int
    noted_seconds_ago: float = field(default=0.0, compare=False)

    @property
    def oldest_seconds(self) -> float:
        """The age of the first of them; 0 for none."""
        return (self.measured_at - self.oldest_at).total_seconds() if self.oldest_at else 0.0
