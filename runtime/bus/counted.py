"""A bus that counts what is published."""

from collections.abc import Sequence

from functions.errors import Unavailable
from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter
from functions.ports import Bus
from runtime.telemetry.metrics import EventMetrics


class CountedBus:
    """Passes calls on to another bus; implements ``Bus``.

    Args:
        bus: The other bus.
        metrics: Where events are counted.
    """

    def __init__(self, bus: Bus, metrics: EventMetrics) -> None:
        self._bus = bus
        self._metrics = metrics

    @property
    def mass_bytes(self) -> int:
        """The size of a mass; see ``Bus``."""
        return self._bus.mass_bytes

    async def can_carry(self, event: bytes) -> bool:
        """Return whether an event is small enough; see ``Bus``."""
        return await self._bus.can_carry(event)

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Put events on the broker's disk; see ``Bus``."""
        self._metrics.accepted(source, len(part.events))
        try:
            await self._bus.publish(source, part)
        except Unavailable:
            self._metrics.failed(source, "unavailable", len(part.events))
            raise
        self._metrics.processed(source, len(part.events))

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk; see ``Bus``."""
        for letter in letters:
            self._metrics.failed(letter.source, "invalid", letter.elements)
        await self._bus.publish_dead_letters(letters)
