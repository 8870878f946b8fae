"""A bus that keeps nothing, for who only wants to know what would be taken."""

from collections.abc import Sequence

from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter
from functions.ports import Bus


class DryRun:
    """Implements ``Bus``: says of each event whether the real one could carry it, and no more.

    Args:
        bus: The real one.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @property
    def mass_bytes(self) -> int:
        """Tell how large a mass may be; see ``Bus``."""
        return self._bus.mass_bytes

    async def can_carry(self, event: bytes) -> bool:
        """Tell whether an event is small enough; see ``Bus``."""
        return await self._bus.can_carry(event)

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Publish nothing."""

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Publish nothing."""
