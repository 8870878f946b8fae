"""The gateway's bus on JetStream: envelopes are published and acknowledged from disk."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Final, Literal
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError

from functions.errors import Unavailable
from functions.events import SOURCES, Source
from functions.messages import AcceptedBatch, DeadLetter, Envelope
from runtime.bus.envelopes import ENVELOPE_BYTES, MAX_MESSAGE_BYTES, encode, encode_letters
from runtime.bus.letter_summaries import summarize
from runtime.bus.manifests import NO_PLACE, Counted, Lane, write_manifest
from runtime.bus.packing import by_source, pack_events, pack_letters
from runtime.jetstream.circuit_breaker import CircuitBreaker
from runtime.jetstream.connection import Broker
from runtime.jetstream.group_commit import GroupCommit, Item
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS, REJECTED, SUMMARIES, subject_of
from runtime.loops import every
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason

_IN_FLIGHT = 2
"""Messages of one subject in flight at once; items that come meanwhile share the next."""

_GATHER_SECONDS = 0.006
"""Interval between messages when many callers share them: each message costs the broker a
sync and a collector a part of a commit, as much as ten single events."""

_IDLE_SECONDS = 0.5
"""A lane that is idle for so long, twice at most, is announced by an empty envelope, so
that only what was published just before a crash stays unannounced."""

_NO_LETTERS: Final = encode_letters(())

_STORE_FAILED: Final = 10077
_NO_ROOM: Final = ("maximum bytes exceeded", "maximum messages exceeded")
"""How the broker reports a full stream: a code that has other meanings, and its message."""

_SUMMARY_SECONDS: Final = 0.25
"""How long rejected events wait for others to share a summary: summaries take room from
events, so each source writes at most eight a second, however many events are rejected."""

_FULL_SECONDS: Final = 60.0
"""How long a stream is reported as full if nothing has been published since."""

_TRY_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_FULL_RETRY_SECONDS = 5.0
_SILENT_RETRY_SECONDS = 2.0
_ROOM_BYTES: Final = 64 * 1024
"""Room for the parts of a message other than events: headers, ids, times."""

_MASS_BYTES: Final = 4 * 1024**2
"""Size of a mass of dead letters: it fits into a batch, and so into a collector's memory."""

_OVERHEAD_BYTES = 256
"""The bytes that an item adds to a message besides its own: ids, times, punctuation."""


class _StreamFull(Unavailable):
    """The stream has no room for this message."""


def _not_counted(_source: Source | None, _events: int) -> None:
    pass


class JetStreamBus:
    """Publishes events and dead letters; implements ``Bus``.

    While the stream of dead letters is full, a summary of them goes to the stream of
    events instead, so that no event is refused because of its neighbour: see
    ``runtime.bus.letter_summaries``.

    Args:
        broker: The connection.
        timeout_seconds: How long a publish is tried while the broker does not
            answer; after so long a silence, others are refused at once.
        on_summary: Called for each summary with the source of its rejected events
            and their number.
    """

    def __init__(
        self,
        broker: Broker,
        timeout_seconds: float,
        on_summary: Callable[[Source | None, int], None] = _not_counted,
    ) -> None:
        self._broker = broker
        self._on_summary = on_summary
        self._full_at = -math.inf
        self._events_full_at = -math.inf
        self._timeout_seconds = timeout_seconds
        self._breaker = CircuitBreaker(partial(broker.check_stream, EVENTS), timeout_seconds)
        self._events = {
            source: _grouped(partial(self._publish_parts, source)) for source in SOURCES
        }
        self._letters = {
            source: _grouped(partial(self._publish_letters, source)) for source in (*SOURCES, None)
        }
        self._counted = Counted(_now)

    @property
    def dead_letters(self) -> Literal["summarized"] | None:
        """Whether dead letters are currently kept as summaries only, for lack of room."""
        is_full = _now() - self._full_at < _FULL_SECONDS
        return "summarized" if is_full else None

    @property
    def events(self) -> Literal["full"] | None:
        """Whether the last events were refused, for lack of room in their stream."""
        is_full = _now() - self._events_full_at < _FULL_SECONDS
        return "full" if is_full else None

    @property
    def mass_bytes(self) -> int:
        """The size of a mass; see ``Bus``."""
        return min(_MASS_BYTES, self._max_bytes // 2)

    @property
    def _max_bytes(self) -> int:
        """How much of a message the broker takes, besides headers and descriptions."""
        return min(MAX_MESSAGE_BYTES, self._broker.client.max_payload) - _ROOM_BYTES

    async def can_carry(self, event: bytes) -> bool:
        """Return whether an event is small enough; see ``Bus``."""
        return len(event) <= self._max_bytes

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Put events on the broker's disk; see ``Bus``."""
        await self._breaker.admit()
        await self._events[source].add(part, sum(map(len, part.events)) + _OVERHEAD_BYTES)

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk; see ``Bus``."""
        await self._breaker.admit()
        groups = by_source(letters).items()
        await asyncio.gather(*(self._add(source, own) for source, own in groups))

    async def announce(self) -> None:
        """Announce the latest envelopes that are unannounced, as after the last request.

        Raises:
            Unavailable: The broker can't take it now.
        """
        for lane in self._counted.unannounced():
            await self._tell(lane)

    async def announce_when_idle(self, stop: asyncio.Event) -> None:
        """Announce the latest envelopes of each idle lane, until ``stop`` is set."""
        seen: dict[Lane, bytes] = {}
        async for _ in every(_IDLE_SECONDS, stop):
            unannounced = self._counted.unannounced()
            for lane in unannounced.items() & seen.items():
                with suppress(Unavailable):  # the next round tries again
                    await self._tell(lane[0])
            seen = unannounced

    async def _add(self, source: Source | None, letters: Sequence[DeadLetter]) -> None:
        size = sum(len(letter.payload) + _OVERHEAD_BYTES for letter in letters)
        await self._letters[source].add(letters, size)

    async def _publish_parts(self, source: Source, parts: Sequence[AcceptedBatch]) -> None:
        for own, data in pack_events(source, parts, self._fits):
            await self._send(self._counted.accepted(source, own), data)

    async def _publish_letters(
        self, source: Source | None, groups: Sequence[Sequence[DeadLetter]]
    ) -> None:
        for own, data in pack_letters(chain.from_iterable(groups), self._fits):
            await self._send(self._counted.rejected(source, own), data, own)

    def _fits(self, data: bytes) -> bool:
        return len(data) <= self._max_bytes

    async def _tell(self, lane: Lane) -> None:
        await self._breaker.admit()  # if nothing is published, nothing else asks the broker
        nothing = AcceptedBatch(str(uuid4()), datetime.now(UTC), ())
        data = encode(lane.source, [nothing]) if lane.source and not lane.rejected else _NO_LETTERS
        await self._send(self._counted.announcing_envelope(lane), data)

    async def _send(
        self, envelope: Envelope, data: bytes, letters: Sequence[DeadLetter] = ()
    ) -> None:
        """Publish an envelope, and count it as soon as it is acknowledged.

        Args:
            envelope: Its count.
            data: Its bytes.
            letters: The dead letters in it, if any.
        """
        if envelope.source and not envelope.rejected:
            subject = subject_of(envelope.source)
            try:
                sequence = await self._publish(EVENTS, subject, data, write_manifest(envelope))
            except _StreamFull:
                self._events_full_at = _now()
                raise
            self._events_full_at = -math.inf
        else:
            sequence = await self._send_rejected(envelope, data, letters)
        self._counted.acknowledged(envelope, sequence)

    async def _send_rejected(
        self, envelope: Envelope, data: bytes, letters: Sequence[DeadLetter]
    ) -> int:
        """Publish dead letters or, if they have no room, a summary under the same id.

        Returns:
            Their sequence in their stream. A summary has none: it is in another stream.
        """
        headers = write_manifest(envelope)
        try:
            sequence = await self._publish(DEAD_LETTERS, REJECTED, data, headers)
        except _StreamFull:
            self._full_at = _now()
        else:
            self._full_at = -math.inf
            return sequence
        if letters:
            await asyncio.sleep(_SUMMARY_SECONDS)
        await self._publish(EVENTS, SUMMARIES, _summary_of(letters, envelope.events), headers)
        self._on_summary(envelope.source, envelope.events)
        return NO_PLACE

    async def _publish(
        self, stream: str, subject: str, data: bytes, headers: dict[str, str]
    ) -> int:
        """Publish until acknowledged, always under one id: a repeat adds no second message.

        Returns:
            Its sequence in the stream, from 1.
        """
        try:
            async with asyncio.timeout(self._left_seconds()):
                while not (sequence := await self._try(stream, subject, data, headers)):  # noqa: ASYNC110 - each turn asks the broker
                    await asyncio.sleep(_PAUSE_SECONDS)
                return sequence
        except TimeoutError as error:
            raise Unavailable(
                Reason.BROKER_SILENT, retry_after_seconds=_SILENT_RETRY_SECONDS
            ) from error

    def _left_seconds(self) -> float:
        """Return how long a publish may take.

        Raises:
            Unavailable: No time is left: nothing is sent for which nobody would wait.
        """
        connected = self._timeout_seconds - self._broker.seconds_disconnected()
        left = min(connected, self._breaker.left_seconds())
        if left <= 0:
            raise Unavailable(Reason.BROKER_AWAY, retry_after_seconds=_SILENT_RETRY_SECONDS)
        return left

    async def _try(
        self, stream: str, subject: str, data: bytes, headers: dict[str, str]
    ) -> int | None:
        if not self._broker.client.is_connected:
            return None  # the client would buffer it, and send it after its caller has given up
        self._breaker.asked()
        try:
            ack = await self._broker.jetstream.publish(
                subject, data, timeout=_TRY_SECONDS, stream=stream, headers=dict(headers)
            )
        except (NatsTimeoutError, NoStreamResponseError):
            return None
        except APIError as error:
            self._breaker.answered()
            kind = _StreamFull if _is_full(error) else Unavailable
            raise kind(
                Reason.BROKER_REFUSES.of(in_words(error)), retry_after_seconds=_FULL_RETRY_SECONDS
            ) from error
        except NatsError as error:
            raise Unavailable(Reason.BROKER_AWAY.of(in_words(error))) from error
        self._breaker.answered()
        return int(ack.seq)


def _now() -> float:
    """Return the loop's time: a simulation has its own loop."""
    return asyncio.get_running_loop().time()


def _is_full(error: APIError) -> bool:
    return error.err_code == _STORE_FAILED and error.description in _NO_ROOM


def _summary_of(letters: Sequence[DeadLetter], events: int) -> bytes:
    return encode_letters([summarize(letters, events)] if letters else ())


def _grouped(send: Callable[[Sequence[Item]], Awaitable[None]]) -> GroupCommit[Item]:
    return GroupCommit(
        send, max_bytes=ENVELOPE_BYTES, in_flight=_IN_FLIGHT, gather_seconds=_GATHER_SECONDS
    )
