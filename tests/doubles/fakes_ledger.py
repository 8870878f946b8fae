"""The ledger in memory, like PostgreSQL's statements, on any clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from functions.events import Source
from functions.messages import Announcement, Backlog, Envelope
from runtime.telemetry.clocks import utc_now
from tests.doubles.fakes import FakeEventStore

_REMEMBERED = timedelta(days=7)
_MOST_A_TICK = timedelta(minutes=1)
_BEHIND = timedelta(days=1)
_GONE = timedelta(days=30)


@dataclass
class FakeLedger(FakeEventStore):
    """A store that also compares its ledger with the broker's contents.

    Attributes:
        now: The database's own clock.
        at: The ledger's time, by which envelopes get old.
        ticked_at: When that was moved last, by the database's own clock.
        settled: The envelopes that are remembered, and when they were settled.
        in_flight: The announced ones, with their source and whether rejected.
        backlogs: The backlog of each consumer, and its source.
    """

    now: Callable[[], datetime] = utc_now
    at: datetime = field(init=False)
    ticked_at: datetime = field(init=False)
    settled: dict[object, datetime] = field(default_factory=dict)
    in_flight: dict[bytes, tuple[Announcement, Source | None, bool]] = field(default_factory=dict)
    backlogs: dict[str, tuple[Source | None, Backlog]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = self.ticked_at = self.now()

    async def note(self, source: Source | None, backlog: Backlog) -> int:
        """Record a measurement, and balance; see ``PostgresLedger``."""
        self.backlogs[backlog.consumer] = (source, backlog)
        return await self.balance(source)

    async def balance(self, source: Source | None) -> int:
        """Forget old entries, and count missing events; see ``PostgresLedger``.

        Negative differences are those of all sources.
        """
        self._tick()
        for key in self.settled.keys() & self.in_flight.keys():
            del self.in_flight[key]  # type: ignore[arg-type]
        for key in [key for key, at in self.settled.items() if self.forgets(at)]:
            del self.settled[key]
        return sum(
            told.events
            for told, whose, rejected in self.in_flight.values()
            if source == (None if rejected else whose) and self._has_left(told, source)
        ) + sum(abs(counted - sum(became)) for counted, *became in self.ledger.values())

    def forgets(self, settled_at: datetime) -> bool:
        """Return whether an envelope is too old to be remembered."""
        return settled_at < self.at - _REMEMBERED

    def passes_over(self, told: Announcement) -> bool:  # noqa: ARG002 - what a mutant asks for
        """Return whether an announced envelope is too old to be looked for."""
        return False

    def _tick(self) -> None:
        passed = self.now() - self.ticked_at
        self.ticked_at = self.now()
        if not self._is_anybody_behind():
            self.at += max(timedelta(), min(passed, _MOST_A_TICK))

    def _is_anybody_behind(self) -> bool:
        backlogs = [backlog for _, backlog in self.backlogs.values()]
        newest_at = max((it.measured_at for it in backlogs), default=None)
        return newest_at is not None and any(
            _BEHIND <= newest_at - min(it.oldest_at or it.measured_at, it.measured_at) <= _GONE
            for it in backlogs
        )

    def _has_left(self, told: Announcement, source: Source | None) -> bool:
        return any(
            whose == source and told.sequence < backlog.first_sequence
            for whose, backlog in self.backlogs.values()
        )

    def _is_settled(self, key: object) -> bool:
        return key in self.settled

    def _enter(self, envelope: Envelope, outcome: tuple[int, int, int]) -> None:
        before = self.ledger.get(envelope.id, (0, 0, 0, 0))
        super()._enter(envelope, outcome)
        now = self.ledger[envelope.id]
        counted, stored, duplicates, dead = map(sum, zip(before, now, strict=True))
        self.ledger[envelope.id] = (counted, stored, duplicates, dead)
        self.settled[envelope.id] = self.settled_at()
        for told in envelope.announced:
            if told.id not in self.settled and not self.passes_over(told):
                self.in_flight.setdefault(told.id, (told, envelope.source, envelope.rejected))

    def settled_at(self) -> datetime:
        """Return the time for envelopes settled now."""
        return self.at
