"""The gateway's bus on SQS: envelopes, as messages of a size that SQS accepts."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Final, TypeVar

from functions.errors import Unavailable
from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter, Envelope
from runtime.aws.messages import MAX_BYTES, Message, fits, in_batches, write_message
from runtime.aws.queue import Queue
from runtime.bus.envelopes import encode, encode_letters
from runtime.bus.manifests import ENVELOPE_ID, NO_PLACE, Counted, write_manifest
from runtime.telemetry.reasons import Reason

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 2.0
_MASS_BYTES: Final = 512 * 1024
"""Size of a mass of dead letters: in base64 it fits into a message, with the last elements."""


_Packet = tuple[Envelope, Message]
"""The count of an envelope, and its message."""

Item = TypeVar("Item")


class SqsBus:
    """Sends events and dead letters; implements ``Bus``.

    SQS stores accepted messages on several machines. It may deliver a message twice
    and in any order: envelopes are claimed by their id, so nothing is counted twice.

    Args:
        events: A queue for each source.
        letters: The queue of dead letters.
        timeout_seconds: How long a publish is tried.
    """

    def __init__(
        self, events: Mapping[Source, Queue], letters: Queue, timeout_seconds: float
    ) -> None:
        self._events = events
        self._letters = letters
        self._timeout_seconds = timeout_seconds
        self._counted = Counted()

    @property
    def mass_bytes(self) -> int:
        """The size of a mass; see ``Bus``."""
        return _MASS_BYTES

    async def can_carry(self, event: bytes) -> bool:
        """Return whether an event is small enough; see ``Bus``."""
        return await asyncio.to_thread(fits, event)

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Send events to the queue of their source; see ``Bus``."""
        await self._send(self._events[source], list(self._parts(source, part)))

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Send dead letters to their queue; see ``Bus``."""
        by_source: dict[Source | None, list[DeadLetter]] = {}
        for letter in letters:
            by_source.setdefault(letter.source, []).append(letter)
        packets = [it for source, own in by_source.items() for it in self._rejected(source, own)]
        await self._send(self._letters, packets)

    def _parts(self, source: Source, part: AcceptedBatch) -> Iterator[_Packet]:
        """Write a batch as messages that are small enough, halving it if necessary.

        ``can_carry`` was true of each event.
        """
        envelope = self._counted.accepted(source, [part])
        message = write_message(encode(source, [part]), write_manifest(envelope, ENVELOPE_ID))
        if message.size <= MAX_BYTES or len(part.events) == 1:
            yield envelope, message
            return
        for half in _halves(part.events):
            yield from self._parts(source, replace(part, events=half))

    def _rejected(self, source: Source | None, letters: Sequence[DeadLetter]) -> Iterator[_Packet]:
        """Write dead letters as messages, like batches; ``can_carry`` was true of each."""
        envelope = self._counted.rejected(source, letters)
        message = write_message(encode_letters(letters), write_manifest(envelope, ENVELOPE_ID))
        if message.size <= MAX_BYTES or len(letters) == 1:
            yield envelope, message
            return
        for half in _halves(letters):
            yield from self._rejected(source, half)

    async def _send(self, queue: Queue, packets: Sequence[_Packet]) -> None:
        """Send messages until all are accepted; later envelopes then announce them.

        Raises:
            Unavailable: They were not, within the time; some may be.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                for batch in in_batches([message for _, message in packets]):
                    await _send_all(queue, batch)
        except TimeoutError as error:
            raise Unavailable(Reason.QUEUE_SILENT, retry_after_seconds=_RETRY_SECONDS) from error
        for envelope, _ in packets:
            self._counted.acknowledged(envelope, NO_PLACE)


async def _send_all(queue: Queue, batch: Sequence[Message]) -> None:
    left = batch
    for turn in count():
        left = await queue.send(left)
        if not left:
            return
        await asyncio.sleep(min(_FIRST_PAUSE_SECONDS * 2**turn, _LONGEST_PAUSE_SECONDS))


def _halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]
