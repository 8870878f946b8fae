"""The gateway's bus on JetStream: envelopes, published and acknowledged from disk."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError

from functions.errors import Unavailable
from functions.events import SOURCES, Source
from functions.ports import DeadLetter, Part
from runtime.envelopes import ENVELOPE_BYTES, encode, encode_letters, fits, pack
from runtime.group_commit import GroupCommit, Item
from runtime.jetstream.circuit_breaker import CircuitBreaker
from runtime.jetstream.connection import Broker
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS, REJECTED, subject_of
from runtime.manifests import MESSAGE_ID, Counted, minute_of, write_manifest

_IN_FLIGHT = 2
"""Messages of one subject on their way at once; what comes meanwhile shares the next."""

_GATHER_SECONDS = 0.006
"""Where many callers share messages, how far apart they leave: each costs the
broker a sync and a collector a part of a commit, as much as ten single events."""

_TRY_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_FULL_RETRY_SECONDS = 5.0
_SILENT_RETRY_SECONDS = 2.0
_OVERHEAD_BYTES = 256
"""What an item adds to a message beside its bytes: ids, times, punctuation."""


class JetStreamBus:
    """Publishes events and dead letters; implements ``Bus``.

    Args:
        broker: The connection.
        timeout_seconds: How long a publish is tried while the broker does not
            answer; once it has been silent for so long, others are refused at once.
    """

    def __init__(self, broker: Broker, timeout_seconds: float) -> None:
        self._broker = broker
        self._timeout_seconds = timeout_seconds
        self._breaker = CircuitBreaker(partial(broker.check_stream, EVENTS), timeout_seconds)
        self._events = {
            source: _grouped(partial(self._publish_parts, source)) for source in SOURCES
        }
        self._letters = _grouped(self._publish_letters)
        self._counted = Counted()

    async def can_carry(self, event: bytes) -> bool:
        """Tell whether an event is small enough; see ``Bus``."""
        return await asyncio.to_thread(fits, event)

    async def publish(self, source: Source, part: Part) -> None:
        """Put events on the broker's disk; see ``Bus``."""
        await self._breaker.admit()
        await self._events[source].add(part, sum(map(len, part.events)) + _OVERHEAD_BYTES)

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk; see ``Bus``."""
        await self._breaker.admit()
        size = sum(len(letter.payload) + _OVERHEAD_BYTES for letter in letters)
        await self._letters.add(letters, size)

    async def _publish_parts(self, source: Source, parts: Sequence[Part]) -> None:
        """Publish parts, those of one minute in one envelope: its count has one place."""
        for _, own in groupby(sorted(parts, key=minute_of), minute_of):
            together = list(own)
            envelope = self._counted.envelope(source, together)
            sequence = await self._publish(
                EVENTS, subject_of(source), encode(source, together), write_manifest(envelope)
            )
            self._counted.acknowledged(envelope, sequence)

    async def _publish_letters(self, groups: Sequence[Sequence[DeadLetter]]) -> None:
        letters = [letter for group in groups for letter in group]
        headers = {MESSAGE_ID: uuid4().hex}
        await self._publish(DEAD_LETTERS, REJECTED, encode_letters(letters), headers)

    async def _publish(
        self, stream: str, subject: str, data: bytes, headers: dict[str, str]
    ) -> int:
        """Publish until it is acknowledged, under one id: a repeat is no second message.

        Returns:
            Its place in the stream, from 1.
        """
        if len(data) > 2 * ENVELOPE_BYTES:  # one large event
            data = await asyncio.to_thread(pack, data)
        try:
            async with asyncio.timeout(self._left_seconds()):
                while not (sequence := await self._try(stream, subject, data, headers)):  # noqa: ASYNC110 - each turn asks the broker
                    await asyncio.sleep(_PAUSE_SECONDS)
                return sequence
        except TimeoutError as error:
            reason = "the broker does not acknowledge"
            raise Unavailable(reason, retry_after_seconds=_SILENT_RETRY_SECONDS) from error

    def _left_seconds(self) -> float:
        """Tell how long a publish may take.

        Raises:
            Unavailable: It has no time: nothing is sent that nobody would wait for.
        """
        connected = self._timeout_seconds - self._broker.seconds_disconnected()
        left = min(connected, self._breaker.left_seconds())
        if left <= 0:
            reason = "the broker is away"
            raise Unavailable(reason, retry_after_seconds=_SILENT_RETRY_SECONDS)
        return left

    async def _try(
        self, stream: str, subject: str, data: bytes, headers: dict[str, str]
    ) -> int | None:
        if not self._broker.client.is_connected:
            return None  # the client would buffer it, and send what nobody waits for any more
        self._breaker.asked()
        try:
            ack = await self._broker.jetstream.publish(
                subject, data, timeout=_TRY_SECONDS, stream=stream, headers=dict(headers)
            )
        except (NatsTimeoutError, NoStreamResponseError):
            return None
        except APIError as error:
            self._breaker.answered()
            reason = f"the broker refuses: {error.description}"
            raise Unavailable(reason, retry_after_seconds=_FULL_RETRY_SECONDS) from error
        except NatsError as error:
            raise Unavailable(f"the broker can't be reached: {error!r}") from error
        self._breaker.answered()
        return int(ack.seq)


def _grouped(send: Callable[[Sequence[Item]], Awaitable[None]]) -> GroupCommit[Item]:
    return GroupCommit(
        send, max_bytes=ENVELOPE_BYTES, in_flight=_IN_FLIGHT, gather_seconds=_GATHER_SECONDS
    )
