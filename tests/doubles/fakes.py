"""Ports in memory that behave as their contracts require."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.errors import Refused, Unavailable
from functions.events import SOURCES, Source
from functions.events.rows import EventRow
from functions.messages import AcceptedBatch, DeadLetter, Envelope, EnvelopeOutcome, Stored
from functions.senders.notices import NoticeRow


@dataclass
class FakeBus:
    """A bus that records what was published.

    Attributes:
        parts: The accepted batches, by source.
        letters: The dead letters.
        failure: The error that each call raises, if set.
        max_event_bytes: The largest event that it accepts.
        mass_bytes: How large the dead letter of a mass may be.
    """

    parts: dict[Source, list[AcceptedBatch]] = field(
        default_factory=lambda: {source: [] for source in SOURCES}
    )
    letters: list[DeadLetter] = field(default_factory=list)
    failure: Exception | None = None
    max_event_bytes: int = 30 * 1024**2
    mass_bytes: int = 1024**2

    @property
    def events(self) -> list[bytes]:
        """All events, by source, in their order."""
        return [event for source in SOURCES for part in self.parts[source] for event in part.events]

    async def can_carry(self, event: bytes) -> bool:
        return len(event) <= self.max_event_bytes

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Keep events; see ``Bus``."""
        self._fail()
        self.parts[source].append(part)

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; see ``Bus``."""
        self._fail()
        self.letters += letters

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class FakeEventStore:
    """A store in memory.

    Attributes:
        rows: The stored rows, by key.
        letters: The stored dead letters, by key.
        notices: The records that are not events, by key.
        ledger: Of each envelope: counted, stored, duplicates, dead.
        told: The envelopes announced by settled ones.
        batches: How many rows each completed call had.
        failure: The error that each call raises, if set; nothing is stored then.
        refuses: Which rows the store will never keep.
    """

    rows: dict[bytes, EventRow] = field(default_factory=dict)
    letters: dict[UUID, DeadLetter] = field(default_factory=dict)
    notices: dict[bytes, NoticeRow] = field(default_factory=dict)
    ledger: dict[bytes, tuple[int, int, int, int]] = field(default_factory=dict)
    told: set[bytes] = field(default_factory=set)
    batches: list[int] = field(default_factory=list)
    failure: Exception | None = None
    refuses: Callable[[EventRow], bool] = lambda _row: False

    def become_unavailable(self) -> None:
        """Raise ``Unavailable`` from now on."""
        self.failure = Unavailable("the fake is told to be away")

    def crash(self) -> None:
        """Raise an unexpected error from now on."""
        self.failure = ZeroDivisionError("the fake is told to crash")

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Keep rows; see ``EventStore``."""
        return await self.settle([EnvelopeOutcome(None, rows)])

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Keep rows and letters; see ``EventStore``."""
        by_id = {
            outcome.envelope.id if outcome.envelope else object(): outcome for outcome in outcomes
        }
        fresh = [outcome for key, outcome in by_id.items() if not self._is_settled(key)]
        rows = [row for outcome in fresh for row in outcome.rows]
        await self.probe(rows)
        for outcome in fresh:
            self._keep(outcome.letters)
        new = sum(map(self._settle, fresh))
        self.batches.append(len(rows))
        return Stored(new, sum(len(it.rows) + len(it.notices) for it in outcomes) - new)

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Refuse the rows that are to be refused; see ``EventStore``."""
        self._fail()
        if any(map(self.refuses, rows)):
            raise Refused("the fake is told to refuse it", code="22003")

    def _settle(self, outcome: EnvelopeOutcome) -> int:
        before = len(self.rows) + len(self.notices)
        for row in outcome.rows:
            self.rows.setdefault(row.id, row)
        for notice in outcome.notices:
            self.notices.setdefault(notice.id, notice)
        new = len(self.rows) + len(self.notices) - before
        if outcome.envelope:
            dead = outcome.envelope.events if outcome.unread else len(outcome.letters)
            became = (new, len(outcome.rows) + len(outcome.notices) - new, dead)
            self._enter(outcome.envelope, became)
        return new

    def _is_settled(self, key: object) -> bool:
        return key in self.ledger

    def _enter(self, envelope: Envelope, outcome: tuple[int, int, int]) -> None:
        self.ledger[envelope.id] = (envelope.events, *outcome)
        self.told |= {it.id for it in envelope.announced}

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Keep dead letters; see ``DeadLetterStore``."""
        self._fail()
        before = len(self.letters)
        for outcome in outcomes:
            self._keep_outcome(outcome)
        new = len(self.letters) - before
        return Stored(new, sum(len(outcome.letters) for outcome in outcomes) - new)

    def _keep_outcome(self, outcome: EnvelopeOutcome) -> None:
        if outcome.envelope and self._is_settled(outcome.envelope.id):
            return
        new = self._keep(outcome.letters)
        if outcome.envelope:
            repeated = sum(letter.elements for letter in outcome.letters) - new
            became = (0, 0, outcome.envelope.events) if outcome.unread else (new, repeated, 0)
            self._enter(outcome.envelope, became)

    def _keep(self, letters: Sequence[DeadLetter]) -> int:
        """Store letters; return how many events the new ones have."""
        fresh = {it.id: it for it in letters if it.id not in self.letters}
        self.letters |= fresh
        return sum(letter.elements for letter in fresh.values())

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
