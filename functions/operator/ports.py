"""The operator's ports: dead letters, and the trails of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from functions.errors import Fault
from functions.events import Source
from functions.events.rows import EventRow
from functions.messages import AcceptedBatch, DeadLetter, Reason
from functions.parameters import Period
from functions.senders import Channel
from functions.senders.notices import NoticeRow

State = Literal["open", "replayed", "discarded"]
"""Whether a dead letter waits for a decision, was replayed, or was discarded."""

Action = Literal["replayed", "failed", "discarded", "reopened"]
"""The action taken on a dead letter; after ``failed`` it is still open."""


class Place(NamedTuple):
    """A letter's place in the order of all letters: by time of acceptance, then by id."""

    accepted_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """A filter for dead letters; a None matches all.

    Attributes:
        period: Of the time when the gateway accepted them.
        field: Dotted path of the fault.
    """

    period: Period
    id: UUID | None = None
    reason: Reason | None = None
    source: Source | None = None
    field: str | None = None
    state: State | None = "open"


@dataclass(frozen=True, slots=True)
class LetterHead:
    """A dead letter's facts, without any text of its sender.

    Attributes:
        payload_bytes: As stored; of a mass, compressed.
        elements: How many elements of a request it holds; more than one are a mass.
        channel: How it came.
    """

    id: UUID
    accepted_at: datetime
    stored_at: datetime
    state: State
    reason: Reason
    source: Source | None
    field: str
    code: str
    message: str
    correlation_id: str | None
    trace_parent: str | None
    payload_bytes: int
    elements: int = 1
    channel: Channel = "native"

    @property
    def place(self) -> Place:
        """Its place in the order of all letters."""
        return Place(self.accepted_at, self.id)


@dataclass(frozen=True, slots=True)
class Happening:
    """One action on a dead letter.

    Attributes:
        events: How many events the letter became.
        correlation_id: Of the request that caused it.
    """

    at: datetime
    action: Action
    field: str
    code: str
    message: str
    events: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter with its bytes.

    Attributes:
        history: Oldest first; empty unless requested.
    """

    head: LetterHead
    event_id: str | None
    payload: bytes
    history: Sequence[Happening] = ()

    def as_batch(self, events: Sequence[bytes]) -> AcceptedBatch:
        """Make a batch of its events, as if their first request arrived again."""
        return AcceptedBatch(
            self.head.correlation_id or str(self.head.id),
            self.head.accepted_at,
            events,
            trace_parent=self.head.trace_parent,
            channel=self.head.channel,
        )


class LetterCount(NamedTuple):
    """Dead letters of one day (UTC), reason and field; at least one.

    Attributes:
        elements: How many events they hold.
    """

    day: date
    reason: Reason
    field: str
    letters: int
    elements: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of judging a dead letter again.

    Attributes:
        letter_id: Which letter.
        rows: Its valid events.
        letters: Its invalid events, each as a separate letter.
        fault: Why the letter stays unchanged; then it has no rows, letters or notices.
        more: Whether another settlement follows with the rest of the letter:
            until then it stays unchanged.
        earlier: How many of its events were in settlements with ``more``.
        notices: Its records that are not events.
    """

    letter_id: UUID
    rows: Sequence[EventRow] = ()
    letters: Sequence[DeadLetter] = ()
    fault: Fault | None = None
    more: bool = False
    earlier: int = 0
    notices: Sequence[NoticeRow] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling letters.

    Attributes:
        replayed: Letters that became events.
        failed: Letters that are still invalid and stay open.
        stored: Events written now.
        duplicates: Events that were stored already.
    """

    replayed: int = 0
    failed: int = 0
    stored: int = 0
    duplicates: int = 0

    def __add__(self, other: "Settled") -> "Settled":
        """Add up two results."""
        return Settled(
            self.replayed + other.replayed,
            self.failed + other.failed,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
        )


class DeadLetters(Protocol):
    """The stored dead letters, and the actions on them.

    Every method raises ``Unavailable`` when nothing was done; the same call may be repeated.
    """

    async def find(self, letter_id: UUID) -> KeptLetter | None:
        """Find one letter with its bytes and its history."""

    async def page(
        self, wanted: LetterFilter, *, before: Place | None, limit: int
    ) -> Sequence[LetterHead]:
        """List letters before a place, newest first."""

    async def count(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """Count letters, the newest day first, then by reason and field."""

    async def read(
        self, wanted: LetterFilter, *, after: Place | None, limit: int
    ) -> Sequence[KeptLetter]:
        """Read letters after a place with their bytes, oldest first.

        Returns fewer than the limit if their bytes would be too many at once, and
        none only if there are none.
        """

    async def settle(
        self, settlements: Sequence[Settlement], *, correlation_id: str, dry_run: bool
    ) -> Settled:
        """Store results of replays and record them, all or none.

        Letters that are no longer open are skipped.

        Args:
            settlements: Of different letters.
            correlation_id: Of the request that causes it, for the letters' history.
            dry_run: Return the result without changing anything.

        Raises:
            Refused: Nothing was done: the database will never accept part of it.
        """

    async def discard(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Mark open letters as discarded; returns how many. Nothing is deleted."""

    async def reopen(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Mark discarded letters as open again; returns how many."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored.

    Attributes:
        trace_parent: The request's W3C ``traceparent``, if it had one.
        published_at: When the broker stored its message; like the next two, None
            for an event that was replayed or came on a bus without this fact.
        stream_sequence: That message's sequence in the broker's stream.
        deliveries: How often that message had been delivered when it was stored.
        channel: How it came.
        retracted_at: When the platform took it back; None if it did not.
        payload: The original JSON text, or the canonical record.
    """

    correlation_id: str
    trace_parent: str | None
    accepted_at: datetime
    published_at: datetime | None
    stream_sequence: int | None
    deliveries: int | None
    stored_at: datetime
    channel: Channel
    retracted_at: datetime | None
    payload: str


class NewEvent(NamedTuple):
    """A stored event's facts, without anything about a user.

    Attributes:
        occurred_at: Its own time.
    """

    source: Source
    event_id: str
    event_type: str
    occurred_at: datetime
    accepted_at: datetime
    stored_at: datetime


class Trails(Protocol):
    """The traces of events; raises ``Unavailable`` like ``DeadLetters``."""

    async def find_newest(self, *, limit: int) -> Sequence[NewEvent]:
        """List the stored events with the latest own time until now, latest first."""

    async def find_event(self, source: Source, event_id: str) -> StoredEvent | None:
        """Find a stored event."""

    async def find_letters(self, source: Source, event_id: str) -> Sequence[LetterHead]:
        """Find the dead letters that carry an event's id, or became it; oldest first, at most 100.

        A letter without a known source matches any source.
        """
