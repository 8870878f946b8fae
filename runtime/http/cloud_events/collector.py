"""A collector behind CloudEvents: data hold an envelope, an event, or an array of events."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Generic

import msgspec

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.events.judging import SMALLEST_EVENT_BYTES, Beginning, InvalidEvent, judge
from functions.gateway.rejections import MAX_LETTERS, Origin, Rejections
from functions.messages import NOT_DELIVERED, AcceptedBatch, DeadLetter, EnvelopeOutcome
from runtime.bus.envelopes import UnreadableEnvelope
from runtime.bus.work import Item, MessageHandler, unreadable
from runtime.http.body import BodyReader
from runtime.http.cloud_events.reading import CloudEvent
from runtime.http.cloud_events.taking import cloud_events_endpoint, origin_of
from runtime.http.request import Endpoint, Request
from runtime.http.splitting import WINDOW_BYTES, split_json

ReadBare = Callable[[Request, CloudEvent, int], Iterator[Sequence[Item]]]
"""Reads data that are not an envelope, some events at a time, given the most bytes of one event;
raises ``Invalid`` if it can't."""

_MAX_ENVELOPE_BYTES: Final = 8 * 1024**2
"""Larger data can't be an envelope: one has at most ``ENVELOPE_BYTES`` and the largest event."""


class _MeantAsEnvelope(msgspec.Struct):
    parts: msgspec.Raw


MASS_BYTES: Final = 4 * 1024**2
"""Size of a mass of dead letters that goes straight to the database; the same as on JetStream."""

_MEANT: msgspec.json.Decoder[_MeantAsEnvelope] = msgspec.json.Decoder(_MeantAsEnvelope)


def collector_cloud_events(
    work: MessageHandler[Item], bodies: BodyReader, read_bare: ReadBare[Item]
) -> Endpoint:
    """Make a collector's endpoint of ``POST /cloudevents``.

    Args:
        work: Handles its messages.
        bodies: Reads bodies.
        read_bare: Reads data without an envelope; ``read_events`` or ``read_nothing``.
    """
    read = _Read(work, read_bare, bodies.event_size_limit)

    async def take(request: Request, events: Iterator[CloudEvent | None]) -> None:
        batch = _Batch(work, _Sieve(work.source, _origin(request)))
        for event in events:
            try:
                for items in read(request, event) if event else ():
                    await batch.add(items, min(len(event.data), WINDOW_BYTES) if event else 0)
            except UnreadableEnvelope as error:
                await work.dead_letter(_unreadable(work.source, event, str(error)), None)
            await asyncio.sleep(0)
        await batch.end()

    async def dead_letter(request: Request, head: bytes, fault: Fault) -> None:
        letter = DeadLetter(
            reason="unreadable",
            fault=fault,
            payload=head,
            accepted_at=datetime.now(UTC),
            source=work.source,
            correlation_id=request.correlation_id,
            trace_parent=request.trace_parent,
        )
        await work.dead_letter(letter, None)

    return cloud_events_endpoint(bodies, take, dead_letter)


@dataclass(frozen=True, slots=True)
class _Read(Generic[Item]):
    """Reads data, with or without an envelope."""

    work: MessageHandler[Item]
    read_bare: ReadBare[Item]
    event_size_limit: int

    def __call__(self, request: Request, event: CloudEvent) -> Iterator[Sequence[Item]]:
        if len(event.data) <= _MAX_ENVELOPE_BYTES:
            try:
                yield self.work.decode(event.data, None, NOT_DELIVERED)
            except UnreadableEnvelope:
                if _is_meant_as_envelope(event.data):
                    raise
            else:
                return
        try:
            yield from self.read_bare(request, event, self.event_size_limit)
        except Invalid as invalid:
            raise UnreadableEnvelope(str(invalid)) from invalid


class _Sieve:
    """Removes bare events that are none of the source, except the first of a request.

    The collector judges the others again and makes a dead letter of each invalid one.
    """

    def __init__(self, source: Source | None, origin: Origin) -> None:
        self._source = source
        self._seen = 0
        self._rejections = Rejections(origin, MASS_BYTES)

    def sift(self, item: Item) -> tuple[Item, list[DeadLetter]]:
        """Filter a batch that came without an envelope; other items are returned unchanged.

        Returns:
            The items to store, and the letters of masses that are full.
        """
        if not isinstance(item, AcceptedBatch) or item.envelope is not None:
            return item, []
        first, self._seen = self._seen, self._seen + len(item.events)
        own = max(0, MAX_LETTERS - first)
        good, letters = list(item.events[:own]), list[DeadLetter]()
        for index, raw in enumerate(item.events[own:], first + own):
            if self._is_ours(raw):
                good.append(raw)
            else:
                letters += self._rejections.together([raw], index)
        return replace(item, events=good), letters

    def end(self) -> list[DeadLetter]:
        """Return the letter of the events removed last."""
        return list(self._rejections.finish())

    def _is_ours(self, raw: bytes) -> bool:
        if len(raw) < SMALLEST_EVENT_BYTES:
            return False
        try:
            return judge(raw).source == self._source
        except InvalidEvent:
            return False


@dataclass(slots=True)
class _Batch(Generic[Item]):
    """Collects items to handle together: about one window, so that no array is held in pieces."""

    work: MessageHandler[Item]
    sieve: _Sieve
    items: list[Item] = field(default_factory=list)
    size: int = 0

    async def add(self, items: Sequence[Item], size: int) -> None:
        for item in items:
            left, letters = self.sieve.sift(item)
            await self._dead_letter(letters)
            self.items.append(left)
        self.size += size if items else 0
        if self.size >= WINDOW_BYTES:
            await self._handle()
        await asyncio.sleep(0)

    async def end(self) -> None:
        await self._handle()
        await self._dead_letter(self.sieve.end())

    async def _handle(self) -> None:
        items, self.items, self.size = self.items, [], 0
        if items:
            await self.work.handle(items)

    async def _dead_letter(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            await self.work.dead_letter(letter, None)


def _origin(request: Request) -> Origin:
    return Origin(request.correlation_id, datetime.now(UTC), request.trace_parent)


def _unreadable(source: Source | None, event: CloudEvent | None, why: str) -> DeadLetter:
    """Make the dead letter of unreadable data, or of the beginning of oversized data."""
    data = event.data if event else b""
    if len(data) > _MAX_ENVELOPE_BYTES:
        data = data[: Beginning.KEPT_BYTES]
    return unreadable(source, data, why, came_at=datetime.now(UTC))


def read_events(
    request: Request, event: CloudEvent, event_size_limit: int
) -> Iterator[Sequence[AcceptedBatch]]:
    """Read an event or an array of events as batches without an envelope; the ledger counts none.

    Raises:
        Invalid: The data are neither.
    """
    correlation_id, trace_parent = origin_of(request, event)
    accepted_at = datetime.now(UTC)
    for window in split_json(event.data, event_size_limit):
        yield (
            [AcceptedBatch(correlation_id, accepted_at, window, trace_parent=trace_parent)]
            if window
            else []
        )


def read_nothing(
    _request: Request, _event: CloudEvent, _event_size_limit: int
) -> Iterator[Sequence[EnvelopeOutcome]]:
    """Read nothing: the collector of dead letters keeps such data as a dead letter.

    Raises:
        Invalid: Always.
    """
    raise Invalid([Fault("", "envelope", "not an envelope of dead letters")])


def _is_meant_as_envelope(data: bytes) -> bool:
    try:
        _MEANT.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
