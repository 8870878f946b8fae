"""What the operator needs of the world: dead letters, and the trail of an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from functions.errors import Fault
from functions.events import Source
from functions.events.rows import EventRow
from functions.messages import DeadLetter, Reason
from functions.parameters import Period

State = Literal["open", "replayed", "discarded"]
"""Whether a dead letter waits for somebody, lives again, or was given up."""

Action = Literal["replayed", "failed", "discarded", "reopened"]
"""What was done to a dead letter; after ``failed`` it is as open as before."""


class Place(NamedTuple):
    """A letter's place in the order of all: by time of acceptance, then by id."""

    accepted_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters; None lets everything through.

    Attributes:
        period: Of when the gateway took them.
        field: Dotted path of what is wrong.
    """

    period: Period
    id: UUID | None = None
    reason: Reason | None = None
    source: Source | None = None
    field: str | None = None
    state: State | None = "open"


@dataclass(frozen=True, slots=True)
class LetterHead:
    """What is known of a dead letter without a word of what its sender wrote.

    Attributes:
        payload_bytes: As they are kept; of a mass, packed.
        elements: How many elements of a request it holds; more than one are a mass.
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

    @property
    def place(self) -> Place:
        """Where it stands among all."""
        return Place(self.accepted_at, self.id)


@dataclass(frozen=True, slots=True)
class Happening:
    """What was done to a dead letter once.

    Attributes:
        events: How many events came of it.
        correlation_id: The request's that did it.
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
        history: Oldest first; empty where it was not asked for.
    """

    head: LetterHead
    event_id: str | None
    payload: bytes
    history: Sequence[Happening] = ()


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
    """What a dead letter is found to be today.

    Attributes:
        letter_id: Which.
        rows: The events in it.
        letters: What in it is dead still, each as a letter of its own.
        fault: Why it stays as it is; then there is nothing in it.
        more: Whether there is more in it, of which the next settlement tells:
            until then it stays as it is.
        earlier: How many events settlements with ``more`` had of it.
    """

    letter_id: UUID
    rows: Sequence[EventRow] = ()
    letters: Sequence[DeadLetter] = ()
    fault: Fault | None = None
    more: bool = False
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling came to.

    Attributes:
        replayed: Letters that live again.
        failed: Letters that stay open.
        stored: Events written now.
        duplicates: Events that were there already.
    """

    replayed: int = 0
    failed: int = 0
    stored: int = 0
    duplicates: int = 0

    def __add__(self, other: "Settled") -> "Settled":
        """Add up what two of them came to."""
        return Settled(
            self.replayed + other.replayed,
            self.failed + other.failed,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
        )


class DeadLetters(Protocol):
    """The dead letters that are kept, and what can be done about them.

    Every method raises ``Unavailable`` when nothing was done; the same call may come again.
    """

    async def find(self, letter_id: UUID) -> KeptLetter | None:
        """Find one with its bytes and its history."""

    async def page(
        self, wanted: LetterFilter, *, before: Place | None, limit: int
    ) -> Sequence[LetterHead]:
        """List letters, the newest first, that stand before a place."""

    async def count(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """Count letters, the newest day first, then by reason and field."""

    async def read(
        self, wanted: LetterFilter, *, after: Place | None, limit: int
    ) -> Sequence[KeptLetter]:
        """Read letters with their bytes, the oldest first, that stand after a place.

        Fewer than the limit come where their bytes would be too many at once;
        none only when there are none.
        """

    async def settle(
        self, settlements: Sequence[Settlement], *, correlation_id: str, dry_run: bool
    ) -> Settled:
        """Store what letters are today, and what was done to them, all or none.

        Letters that are not open any more are passed over.

        Args:
            settlements: Of different letters.
            correlation_id: The request's that does it, for their history.
            dry_run: Say what it would come to, and change nothing.

        Raises:
            Refused: Nothing was done: the database will never keep some of it.
        """

    async def discard(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Mark open letters as given up; return how many. Nothing is deleted."""

    async def reopen(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        """Mark letters that were given up as open again; return how many."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored.

    Attributes:
        trace_parent: The request's W3C ``traceparent``, if it had one.
        published_at: When the broker took its message; None, as are the next
            two, of what came by a replay or by a bus that does not tell.
        stream_sequence: That message's place in the broker's stream.
        deliveries: How often that message had been delivered when it was stored.
        payload: The JSON text that came.
    """

    correlation_id: str
    trace_parent: str | None
    accepted_at: datetime
    published_at: datetime | None
    stream_sequence: int | None
    deliveries: int | None
    stored_at: datetime
    payload: str


class NewEvent(NamedTuple):
    """What is known of a stored event without a word of a user.

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
    """Where an event has left traces; raises ``Unavailable`` as ``DeadLetters`` does."""

    async def find_newest(self, *, limit: int) -> Sequence[NewEvent]:
        """List the stored events with the latest own time until now, the latest first."""

    async def find_event(self, source: Source, event_id: str) -> StoredEvent | None:
        """Find an event that is stored."""

    async def find_letters(self, source: Source, event_id: str) -> Sequence[LetterHead]:
        """Find the dead letters that bear an event's id, or became it; oldest first, at most 100.

        A letter whose source is unknown is taken for one of any source.
        """
