"""The gateway's bus on SQS: envelopes, as messages of a size that SQS accepts."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from functions.errors import Unavailable
from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter, Envelope
from runtime.aws.messages import SqsMessage, fits, in_batches, write_message
from runtime.aws.queue import Queue
from runtime.bus.manifests import ENVELOPE_ID, NO_PLACE, Counted, write_manifest
from runtime.bus.packing import by_source, pack_events, pack_letters
from runtime.telemetry.reasons import Reason

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 2.0
_MASS_BYTES: Final = 512 * 1024
"""Size of a mass of dead letters: in base64 it fits into a message, with the last elements."""


_Packet = tuple[Envelope, SqsMessage]
"""The count of an envelope, and its message."""


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
        packets = [
            self._packet(self._counted.accepted(source, own), data)
            for own, data in pack_events(source, [part], fits)
        ]
        await self._send(self._events[source], packets)

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Send dead letters to their queue; see ``Bus``."""
        packets = [
            self._packet(self._counted.rejected(source, own), data)
            for source, group in by_source(letters).items()
            for own, data in pack_letters(group, fits)
        ]
        await self._send(self._letters, packets)

    def _packet(self, envelope: Envelope, data: bytes) -> _Packet:
        return envelope, write_message(data, write_manifest(envelope, ENVELOPE_ID))

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


async def _send_all(queue: Queue, batch: Sequence[SqsMessage]) -> None:
    left = batch
    for turn in count():
        left = await queue.send(left)
        if not left:
            return
        await asyncio.sleep(min(_FIRST_PAUSE_SECONDS * 2**turn, _LONGEST_PAUSE_SECONDS))
