"""A bus that stores nothing, for senders that only want their events judged."""

from collections.abc import Sequence

from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter
from functions.ports import Bus


class DryRun:
    """Implements ``Bus``: checks whether the real bus could carry each event, and publishes none.

    Args:
        bus: The real one.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @property
    def mass_bytes(self) -> int:
        """The size of a mass; see ``Bus``."""
        return self._bus.mass_bytes

    async def can_carry(self, event: bytes) -> bool:
        """Return whether an event is small enough; see ``Bus``."""
        return await self._bus.can_carry(event)

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Publish nothing."""

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Publish nothing."""
