"""Replay a mass: judge each of its elements again, some megabytes at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from functions.collecting import row_of
from functions.errors import Fault, Refused
from functions.events.judging import SMALLEST_EVENT_BYTES, InvalidEvent
from functions.events.rows import EventRow
from functions.halves import halves
from functions.letters import letter_of_event, letter_of_mass
from functions.masses import Mass, unpacked
from functions.messages import DeadLetter
from functions.operator.ports import KeptLetter, Settled, Settlement
from functions.senders.notices import NoticeRow

Settle = Callable[[Sequence[Settlement]], Awaitable[Settled]]

_PIECE_BYTES: Final = 4 * 1024**2
"""How many bytes of events one transaction stores."""

_BREATH: Final = 200


async def settle_mass(letter: KeptLetter, settle: Settle) -> Settled:
    """Store the valid events of a mass; the invalid ones stay dead, in a separate letter.

    The events are stored before the letter is changed, some at a time: after an
    interruption the replay starts again, and each event is stored once. If none is
    valid the letter stays unchanged.

    Raises:
        Unavailable: Some of it may be stored; the letter is still open.
    """
    taking = _Taking(letter, settle)
    try:
        for number, raw in enumerate(unpacked(letter.payload)):
            taking.take(raw)
            if taking.size > _PIECE_BYTES:
                await taking.store()
            if number % _BREATH == 0:
                await asyncio.sleep(0)
    except ValueError as error:
        fault = Fault("", "mass", str(error))
        return taking.settled + await settle([Settlement(letter.head.id, fault=fault)])
    await taking.store()
    return taking.settled + await settle([taking.outcome()])


@dataclass
class _Taking:
    """The replay of one mass.

    Attributes:
        settled: The counts so far.
        size: Bytes of the rows that wait.
    """

    letter: KeptLetter
    settle: Settle
    settled: Settled = field(default_factory=Settled)
    size: int = 0

    def __post_init__(self) -> None:
        self._part = self.letter.as_batch(())
        self._dead = Mass()
        self._rows: list[EventRow | NoticeRow] = []
        self._events = 0

    def take(self, raw: bytes) -> None:
        """Judge an element."""
        if len(raw) < SMALLEST_EVENT_BYTES:
            self._dead.add([raw])
            return
        try:
            self._rows.append(row_of(self._part, raw))
        except InvalidEvent:
            self._dead.add([raw])
        else:
            self.size += len(raw)

    async def store(self) -> None:
        """Store the waiting rows."""
        rows, self._rows, self.size = self._rows, [], 0
        await self._store(rows)

    async def _store(self, rows: Sequence[EventRow | NoticeRow]) -> None:
        """Store rows; refused ones stay dead, found by halving until each is alone."""
        if not rows:
            return
        events = [row for row in rows if isinstance(row, EventRow)]
        notices = [row for row in rows if not isinstance(row, EventRow)]
        settlement = Settlement(self.letter.head.id, events, notices=notices, more=True)
        try:
            self.settled += await self.settle([settlement])
            self._events += len(rows)
        except Refused:
            if len(rows) == 1:
                self._dead.add([rows[0].payload.encode()])
                return
            for half in halves(rows):
                await self._store(half)

    def outcome(self) -> Settlement:
        """Return the letter's own settlement, after all of its events are stored."""
        head = self.letter.head
        if not self._events:
            return Settlement(head.id, fault=self._dead.fault)
        letters = [self._rest()] if self._dead.elements else []
        return Settlement(head.id, letters=letters, earlier=self._events)

    def _rest(self) -> DeadLetter:
        """Make the letter of the elements that are still dead, the same each time."""
        position = self.letter.head.id.int  # its position in that letter
        if self._dead.elements == 1:
            return letter_of_event(self._part, self._dead.first, position, self._why_dead())
        return letter_of_mass(self.letter.head, self._dead, position)

    def _why_dead(self) -> InvalidEvent:
        """Find again the fault of the only element that is still dead."""
        try:
            row = row_of(self._part, self._dead.first)
        except InvalidEvent as invalid:
            return invalid
        return InvalidEvent(self._dead.fault, event_id=row.event_id, source=row.source)
