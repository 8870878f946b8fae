"""What crosses a bus, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from functions.errors import Fault
from functions.events import Source
from functions.events.keys import derive_key
from functions.events.rows import EventRow

Reason = Literal["rejected", "unreadable", "refused", "too_old", "summarized"]
"""Why something is a dead letter: the gateway judged it invalid, a collector
could not read it, the database would not keep it, it is of before what is kept;
or it is no event at all, but tells of rejected ones that had no room."""


class Announcement(NamedTuple):
    """What a gateway says of an envelope that the broker acknowledged.

    Attributes:
        id: The envelope's, 16 bytes.
        minute: In which the gateway took its events, by its first instant, UTC.
        events: How many it holds.
        sequence: Its place in the broker's stream.
    """

    id: bytes
    minute: datetime
    events: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a gateway counted of the events that travel together: the ledger's one entry.

    Attributes:
        id: The same however often it is delivered, 16 bytes.
        source: Whose events it holds; None where they are rejected and nobody knows.
        instance: The gateway's process that made it, 16 bytes.
        minute: In which the gateway took all of its events, by its first instant, UTC.
        events: How many it holds; 0 where it only tells of others.
        announced: The last ones of this gateway and kind before it, so that one
            that never comes is missed.
        rejected: Whether they are those that the gateway rejected: dead letters.
    """

    id: bytes
    source: Source | None
    instance: bytes
    minute: datetime
    events: int
    announced: Sequence[Announcement] = ()
    rejected: bool = False


class Delivery(NamedTuple):
    """How a message came; None is what its bus does not tell.

    Attributes:
        published_at: When the broker took it, UTC.
        sequence: Its place in the broker's stream, from 1.
        times: How often it was delivered, this time included.
        is_replayed: Whether it was settled before, and is brought back by an
            operator; the first two are of the first time.
    """

    published_at: datetime | None = None
    sequence: int | None = None
    times: int | None = None
    is_replayed: bool = False


NOT_DELIVERED: Final = Delivery()
"""Of what came on no bus."""


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """Valid events that came in one request, all of one source.

    Attributes:
        correlation_id: The request's, for every log line and row.
        accepted_at: When the gateway took the request, UTC.
        events: JSON texts, byte for byte as they came, in their order.
        envelope: What it came in, if that is counted in the ledger.
        trace_parent: The request's W3C ``traceparent``, valid; None where it had none.
        delivery: How its message came.
    """

    correlation_id: str
    accepted_at: datetime
    events: Sequence[bytes]
    envelope: Envelope | None = None
    trace_parent: str | None = None
    delivery: Delivery = NOT_DELIVERED


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that will never be a row, kept so that nobody has to miss it.

    Attributes:
        reason: Who gave it up.
        fault: What is wrong with it.
        payload: Its original bytes; any bytes at all.
        position: Its place in the request or batch, from 0: the same bytes at
            the same place are the same letter, so a repeated request adds none.
            Of a mass that of its first element.
        source: The platform, if known.
        event_id: The platform's id of it, if one could be read.
        correlation_id: The request's, if known.
        accepted_at: When the gateway took the request, UTC.
        trace_parent: The request's W3C ``traceparent``, if it had one.
        elements: How many elements of a request it holds. More than one are a
            mass, and its bytes are packed (``functions.masses``).
    """

    reason: Reason
    fault: Fault
    payload: bytes
    position: int
    source: Source | None
    event_id: str | None
    correlation_id: str | None
    accepted_at: datetime
    trace_parent: str | None = None
    elements: int = 1

    @property
    def id(self) -> UUID:
        """The key: a digest of reason, position and bytes."""
        many = f"*{self.elements}" if self.elements > 1 else ""
        place = f"{self.reason}{many}\0{self.position}\0"
        return UUID(bytes=derive_key(place.encode() + self.payload))


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch of rows, or of dead letters.

    Attributes:
        new: Those written now.
        duplicates: Those that were there already; nothing was changed.
        too_old: Rows of before what is kept: nobody could tell whether they
            are new, so each became a dead letter.
    """

    new: int
    duplicates: int
    too_old: int = 0


@dataclass(frozen=True, slots=True)
class EnvelopeOutcome:
    """What an envelope came to: each of its events is a row or a dead letter.

    Attributes:
        envelope: None where nobody counted it: then the ledger has nothing of it.
        rows: In any order; may repeat an event: its first row counts. None
            where the gateway had rejected them all.
        letters: What will never be a row; may repeat one.
        unread: Whether its one letter stands for all of its events: nobody could
            read it, or only a summary was kept.
    """

    envelope: Envelope | None
    rows: Sequence[EventRow]
    letters: Sequence[DeadLetter] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at the broker for a consumer.

    Attributes:
        consumer: Its durable name.
        measured_at: When it was so, UTC.
        messages: Those not acknowledged, delivered or not.
        oldest_at: When the first of them came, UTC; None for none.
        first_sequence: The broker has nothing before it any more.
        noted_seconds_ago: How long it has been in the store, by the store's own
            clock; 0 for one that is new.
    """

    consumer: str
    measured_at: datetime
    messages: int
    oldest_at: datetime | None
    first_sequence: int
    noted_seconds_ago: float = field(default=0.0, compare=False)

    @property
    def oldest_seconds(self) -> float:
        """How old the first of them was; 0 for none."""
        return (self.measured_at - self.oldest_at).total_seconds() if self.oldest_at else 0.0
