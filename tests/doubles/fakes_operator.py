"""The operator's ports in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from functions.events import Source
from functions.events.rows import event_key
from functions.messages import DeadLetter, EnvelopeOutcome, Reason
from functions.operator.ports import (
    Action,
    Happening,
    KeptLetter,
    LetterCount,
    LetterFilter,
    LetterHead,
    NewEvent,
    Place,
    Settled,
    Settlement,
    State,
    StoredEvent,
)
from functions.reporter.erasure_state import ErasureState
from runtime.telemetry.clocks import utc_now
from tests.builders import NOON
from tests.doubles.fakes import FakeEventStore


@dataclass
class FakeErasures:
    """Requests to erase users, by their codes; implements ``Erasures``."""

    states: dict[str, ErasureState] = field(default_factory=dict)

    async def find(self, confirmation_code: str) -> ErasureState | None:
        return self.states.get(confirmation_code)


@dataclass
class FakeDeadLetters:
    """Dead letters in memory, with a store; rows that it refuses are refused here as well."""

    kept: dict[UUID, KeptLetter] = field(default_factory=dict)
    store: FakeEventStore = field(default_factory=FakeEventStore)

    def keep(self, *letters: DeadLetter) -> None:
        """Store letters, each once, as open ones."""
        for letter in letters:
            head = LetterHead(
                *(letter.id, letter.accepted_at, NOON, "open", letter.reason, letter.source),
                *(letter.fault.field, letter.fault.code, letter.fault.message),
                *(letter.correlation_id, letter.trace_parent, len(letter.payload)),
                letter.elements,
                letter.channel,
            )
            self.kept.setdefault(letter.id, KeptLetter(head, letter.event_id, letter.payload))

    async def find(self, letter_id: UUID) -> KeptLetter | None:
        return self.kept.get(letter_id)

    async def page(
        self, wanted: LetterFilter, *, before: Place | None, limit: int
    ) -> Sequence[LetterHead]:
        heads = [letter.head for letter in reversed(self._wanted(wanted))]
        return [head for head in heads if before is None or head.place < before][:limit]

    async def count(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        counts: Counter[tuple[date, Reason, str]] = Counter()
        elements: Counter[tuple[date, Reason, str]] = Counter()
        for head in (letter.head for letter in self._wanted(wanted)):
            key = (head.accepted_at.date(), head.reason, head.field)
            counts[key] += 1
            elements[key] += head.elements
        ordered = sorted(counts.items(), key=lambda item: (-item[0][0].toordinal(), *item[0][1:]))
        return [LetterCount(*key, number, elements[key]) for key, number in ordered]

    async def read(
        self, wanted: LetterFilter, *, after: Place | None, limit: int
    ) -> Sequence[KeptLetter]:
        letters = self._wanted(wanted)
        return [each for each in letters if after is None or each.head.place > after][:limit]

    async def settle(
        self, settlements: Sequence[Settlement], *, correlation_id: str, dry_run: bool
    ) -> Settled:
        ours = [each for each in settlements if self.kept[each.letter_id].head.state == "open"]
        store = replace(self.store, rows=dict(self.store.rows)) if dry_run else self.store
        stored = await store.store([row for each in ours for row in each.rows])
        if not dry_run:
            await store.keep([EnvelopeOutcome(None, (), each.letters) for each in ours])
            for each in ours:
                self.keep(*each.letters)
            for each in ours:
                if not each.more:
                    self._happen(each, correlation_id)
        ended = [each for each in ours if not each.more]
        failed = sum(each.fault is not None for each in ended)
        return Settled(len(ended) - failed, failed, stored.new, stored.duplicates)

    async def discard(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        ours = [each for each in self._wanted(wanted) if each.head.state == "open"]
        for letter in [] if dry_run else ours:
            self._become(letter, "discarded", "discarded", correlation_id)
        return len(ours)

    async def reopen(self, wanted: LetterFilter, *, correlation_id: str, dry_run: bool) -> int:
        ours = [each for each in self._wanted(wanted) if each.head.state == "discarded"]
        for letter in [] if dry_run else ours:
            self._become(letter, "open", "reopened", correlation_id)
        return len(ours)

    def _become(
        self, letter: KeptLetter, state: State, action: Action, correlation_id: str
    ) -> None:
        happening = Happening(NOON, action, "", "", "", 0, correlation_id)
        self.kept[letter.head.id] = replace(
            letter,
            head=replace(letter.head, state=state),
            history=(*letter.history, happening),
        )

    def _wanted(self, wanted: LetterFilter) -> list[KeptLetter]:
        def fits(head: LetterHead) -> bool:
            start, end = wanted.period.start, wanted.period.end
            return (
                wanted.id in (None, head.id)
                and wanted.reason in (None, head.reason)
                and wanted.source in (None, head.source)
                and wanted.field in (None, head.field)
                and wanted.state in (None, head.state)
                and (start is None or head.accepted_at >= start)
                and (end is None or head.accepted_at < end)
            )

        letters = sorted(self.kept.values(), key=lambda letter: letter.head.place)
        return [letter for letter in letters if fits(letter.head)]

    def _happen(self, settlement: Settlement, correlation_id: str) -> None:
        letter, fault = self.kept[settlement.letter_id], settlement.fault
        facts = (fault.field, fault.code, fault.message) if fault else ("", "", "")
        happening = Happening(
            NOON,
            "failed" if fault else "replayed",
            *facts,
            settlement.earlier + len(settlement.rows),
            correlation_id,
        )
        head = letter.head if fault else replace(letter.head, state="replayed")
        self.kept[head.id] = replace(letter, head=head, history=(*letter.history, happening))


@dataclass
class FakeTrails:
    """Trails of the events of a store in memory."""

    letters: FakeDeadLetters

    async def find_newest(self, *, limit: int) -> Sequence[NewEvent]:
        come = [it for it in self.letters.store.rows.values() if it.occurred_at <= utc_now()]
        newest = sorted(come, key=lambda it: it.occurred_at, reverse=True)[:limit]
        return [
            NewEvent(it.source, it.event_id, it.event_type, it.occurred_at, it.accepted_at, NOON)
            for it in newest
        ]

    async def find_event(self, source: Source, event_id: str) -> StoredEvent | None:
        row = self.letters.store.rows.get(event_key(source, event_id))
        if row is None:
            return None
        return StoredEvent(
            *(row.correlation_id, row.trace_parent, row.accepted_at, row.published_at),
            *(row.stream_sequence, row.deliveries, NOON),
            channel=row.channel,
            retracted_at=None,
            payload=row.payload,
        )

    async def find_letters(self, source: Source, event_id: str) -> Sequence[LetterHead]:
        return [
            letter.head
            for letter in self.letters.kept.values()
            if letter.event_id == event_id and letter.head.source in (None, source)
        ]
