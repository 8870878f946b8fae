"""Ports in memory that behave as their contracts say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.errors import Refused, Unavailable
from functions.events import SOURCES, Source
from functions.events.rows import EventRow
from functions.messages import DeadLetter, Envelope, Lot, Part, Stored


@dataclass
class FakeBus:
    """A bus that remembers what was published.

    Attributes:
        parts: What came, by source.
        letters: The dead letters that came.
        failure: What each call raises, if set.
        max_event_bytes: The largest event that it carries.
        mass_bytes: How large the dead letter of a mass may be.
    """

    parts: dict[Source, list[Part]] = field(
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

    async def publish(self, source: Source, part: Part) -> None:
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
        rows: What is stored, by key.
        letters: The dead letters that are kept, by key.
        ledger: Of each envelope: counted, stored, duplicates, dead.
        told: The envelopes that settled ones tell of.
        batches: How many rows each call had that came to an end.
        failure: What each call raises, if set; nothing is stored then.
        refuses: Which rows the store will never keep.
    """

    rows: dict[bytes, EventRow] = field(default_factory=dict)
    letters: dict[UUID, DeadLetter] = field(default_factory=dict)
    ledger: dict[bytes, tuple[int, int, int, int]] = field(default_factory=dict)
    told: set[bytes] = field(default_factory=set)
    batches: list[int] = field(default_factory=list)
    failure: Exception | None = None
    refuses: Callable[[EventRow], bool] = lambda _row: False

    def become_unavailable(self) -> None:
        """Raise ``Unavailable`` from now on."""
        self.failure = Unavailable("the fake is told to be away")

    def crash(self) -> None:
        """Raise what nobody expects from now on."""
        self.failure = ZeroDivisionError("the fake is told to crash")

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Keep rows; see ``EventStore``."""
        return await self.settle([Lot(None, rows)])

    async def settle(self, lots: Sequence[Lot]) -> Stored:
        """Keep rows and letters; see ``EventStore``."""
        by_id = {lot.envelope.id if lot.envelope else object(): lot for lot in lots}
        fresh = [lot for key, lot in by_id.items() if not self._is_settled(key)]
        rows = [row for lot in fresh for row in lot.rows]
        await self.probe(rows)
        for lot in fresh:
            self._keep(lot.letters)
        new = sum(map(self._settle, fresh))
        self.batches.append(len(rows))
        return Stored(new, sum(len(lot.rows) for lot in lots) - new)

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Refuse what is to be refused; see ``EventStore``."""
        self._fail()
        if any(map(self.refuses, rows)):
            raise Refused("the fake is told to refuse it", code="22003")

    def _settle(self, lot: Lot) -> int:
        before = len(self.rows)
        for row in lot.rows:
            self.rows.setdefault(row.id, row)
        new = len(self.rows) - before
        if lot.envelope:
            dead = lot.envelope.events if lot.unread else len(lot.letters)
            outcome = (new, len(lot.rows) - new, dead)
            self._enter(lot.envelope, outcome)
        return new

    def _is_settled(self, key: object) -> bool:
        return key in self.ledger

    def _enter(self, envelope: Envelope, outcome: tuple[int, int, int]) -> None:
        self.ledger[envelope.id] = (envelope.events, *outcome)
        self.told |= {it.id for it in envelope.told}

    async def keep(self, lots: Sequence[Lot]) -> Stored:
        """Keep dead letters; see ``DeadLetterStore``."""
        self._fail()
        before = len(self.letters)
        for lot in lots:
            self._keep_lot(lot)
        new = len(self.letters) - before
        return Stored(new, sum(len(lot.letters) for lot in lots) - new)

    def _keep_lot(self, lot: Lot) -> None:
        if lot.envelope and self._is_settled(lot.envelope.id):
            return
        new = self._keep(lot.letters)
        if lot.envelope:
            repeated = sum(letter.elements for letter in lot.letters) - new
            outcome = (0, 0, lot.envelope.events) if lot.unread else (new, repeated, 0)
            self._enter(lot.envelope, outcome)

    def _keep(self, letters: Sequence[DeadLetter]) -> int:
        """Keep letters; tell how many events those have that are new."""
        fresh = {it.id: it for it in letters if it.id not in self.letters}
        self.letters |= fresh
        return sum(letter.elements for letter in fresh.values())

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
