"""Worlds in which every machine has its own clock, and any clock may jump."""

import asyncio
from datetime import datetime, timedelta

from tests.builders import NOON


class Wall:
    """A machine's clock, as it was set.

    Args:
        days: How far it is ahead of the world's.
    """

    def __init__(self, days: float) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        """Return the time."""
        return NOON + self._ahead + timedelta(seconds=asyncio.get_running_loop().time())

    def jump(self, days: float) -> None:
        """Set it."""
        self._ahead += timedelta(days=days)
