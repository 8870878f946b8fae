"""Accept events from senders: raw events in, a receipt out, all of them on the bus."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.errors import Fault
from functions.events import SOURCES, Source
from functions.events.judging import SMALLEST_EVENT_BYTES, Beginning, InvalidEvent, judge
from functions.gateway.rejections import Origin, Rejections
from functions.letters import letter_of_event
from functions.messages import DeadLetter
from functions.ports import Bus

MAX_ERRORS = 100
"""Maximum faults in a receipt."""

_LARGE_BYTES = 512 * 1024
"""Every bus carries events up to this size, so it need not be asked."""

_BREATH = 200
_BREATH_BYTES = 128 * 1024
"""Events, and bytes of them, judged before other requests get their turn: about a millisecond
for usual ones, less than ten for any."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An invalid event, with one of its faults.

    Attributes:
        index: Its position in the request, from 0.
        event_id: Its id, if one could be read.
    """

    index: int
    event_id: str | None
    fault: Fault


@dataclass(slots=True)
class Receipt:
    """The outcome of a request's events: all are on the broker's disk, valid or not.

    Attributes:
        accepted: Valid events by source.
        rejected: Invalid events by source; None where that could not be read.
        errors: Faults of invalid events, in their order, ``MAX_ERRORS`` at most.
        errors_truncated: Whether there are more faults than those.
        faults: How many invalid events had each code and field, among those with a
            dead letter each; events beyond ``MAX_LETTERS`` are not counted.
    """

    accepted: dict[Source, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))
    rejected: dict[Source | None, int] = field(
        default_factory=lambda: dict.fromkeys((*SOURCES, None), 0)
    )
    errors: list[Rejection] = field(default_factory=list)
    errors_truncated: bool = False
    faults: dict[tuple[str, str], int] = field(default_factory=dict)

    def explain(self, index: int, invalid: InvalidEvent) -> None:
        """Add an event's faults, as far as there is room."""
        room = MAX_ERRORS - len(self.errors)
        self.errors += [Rejection(index, invalid.event_id, it) for it in invalid.faults[:room]]
        self.errors_truncated |= len(invalid.faults) > room
        for kind in {(fault.code, fault.field) for fault in invalid.faults}:
            self.faults[kind] = self.faults.get(kind, 0) + 1

    @property
    def accepted_total(self) -> int:
        """Valid events of all sources."""
        return sum(self.accepted.values())

    @property
    def rejected_total(self) -> int:
        """Invalid events of all sources."""
        return sum(self.rejected.values())


async def handle(
    windows: Iterable[Sequence[bytes]],
    *,
    correlation_id: str,
    accepted_at: datetime,
    bus: Bus,
    trace_parent: str | None = None,
    rejections: Rejections | None = None,
) -> Receipt:
    """Judge each event on its own and publish all of them.

    Args:
        windows: Raw events, some at a time, so that only one window of a large
            request is split at once; each is published before the next is split,
            and other requests get their turn in between.
        correlation_id: The request's; travels with every event.
        accepted_at: When the request arrived, UTC.
        bus: Where events and dead letters go.
        trace_parent: The request's W3C ``traceparent``, valid, if it had one; travels as well.
        rejections: Shared by the calls for one request, if there are several; then
            the caller publishes the mass it gathered at the end.

    Returns:
        The receipt; every event it counts is safe.

    Raises:
        Unavailable: Some events may be on the bus; the request may be sent again
            without being counted twice.
        Invalid: The body that holds the events can't be read.
    """
    origin = Origin(correlation_id, accepted_at, trace_parent)
    taking = _Taking(bus, origin, rejections or Rejections(origin, bus.mass_bytes))
    for number, window in enumerate(windows):
        if number:
            await asyncio.sleep(0)
        await taking.take(window)
    if rejections is None and (last := list(taking.rejections.finish())):
        await bus.publish_dead_letters(last)
    return taking.receipt


class _Taking:
    """Takes the windows of one request, one after another."""

    def __init__(self, bus: Bus, origin: Origin, rejections: Rejections) -> None:
        self.receipt = Receipt()
        self.rejections = rejections
        self._bus = bus
        self._origin = origin
        self._valid: dict[Source, list[bytes]] = {}
        self._letters: list[DeadLetter] = []

    async def take(self, window: Sequence[bytes]) -> None:
        """Judge the events of a window and publish all of them."""
        self._valid, self._letters = {source: [] for source in SOURCES}, []
        index = self.receipt.accepted_total + self.receipt.rejected_total
        for number, run in enumerate(_runs(window)):
            if number:
                await asyncio.sleep(0)
            await self._judge(run, index)
            index += len(run)
        publishing = []
        for source, events in self._valid.items():
            if events:
                self.receipt.accepted[source] += len(events)
                publishing.append(self._bus.publish(source, self._origin.part(events)))
        if self._letters:
            publishing.append(self._bus.publish_dead_letters(self._letters))
        await _all(publishing)

    async def _judge(self, run: Sequence[bytes], first: int) -> None:
        if self.rejections.are_many and max(map(len, run)) < SMALLEST_EVENT_BYTES:
            self._gather(run, first)
            return
        for index, raw in enumerate(run, first):
            fits = len(raw) <= _LARGE_BYTES or await self._bus.can_carry(raw)
            try:
                self._valid[_source_of(raw, fits=fits)].append(raw)
            except InvalidEvent as invalid:
                self._reject(raw if fits else raw[: Beginning.KEPT_BYTES], index, invalid)

    def _reject(self, kept: bytes, index: int, invalid: InvalidEvent) -> None:
        if self.rejections.are_many:
            self._gather([kept], index)
            return
        self.rejections.alone()
        self.receipt.rejected[invalid.source] += 1
        self.receipt.explain(index, invalid)
        self._letters.append(letter_of_event(self._origin, kept, index, invalid))

    def _gather(self, elements: Sequence[bytes], index: int) -> None:
        self.receipt.rejected[None] += len(elements)
        self.receipt.errors_truncated = True
        self._letters += self.rejections.together(elements, index)


async def _all(publishing: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all at once; a single one, the case of every single event, needs no task."""
    if len(publishing) == 1:
        await publishing[0]
    else:
        await asyncio.gather(*publishing)


def _runs(window: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut a window into runs that are judged without a pause."""
    for start in range(0, len(window), _BREATH):
        run = window[start : start + _BREATH]
        if len(run) == 1 or sum(map(len, run)) <= _BREATH_BYTES:
            yield run
        else:
            yield from _runs_of_large(run)


def _runs_of_large(window: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    run: list[bytes] = []
    size = 0
    for raw in window:
        if run and size + len(raw) > _BREATH_BYTES:
            yield run
            run, size = [], 0
        run.append(raw)
        size += len(raw)
    yield run


def _source_of(raw: bytes, *, fits: bool) -> Source:
    event = judge(raw)
    if not fits:
        kept = Beginning.KEPT_BYTES
        message = (
            f"Even compressed, the event is too large for this bus; its first {kept} bytes are kept"
        )
        fault = Fault("", "event_too_large", message)
        raise InvalidEvent(fault, event_id=event.event_id, source=event.source)
    return event.source
