"""Requests that were refused lately."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 120.0
"""As in the alert: a refusal is of the last two minutes."""


class Refusals:
    """Counts the requests of the last two minutes that got a 5xx.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds: deque[tuple[int, int]] = deque(maxlen=int(WINDOW_SECONDS))

    def note(self) -> None:
        """Count one."""
        second = int(self._now())
        counted = 1
        if self._seconds and self._seconds[-1][0] == second:
            counted += self._seconds.pop()[1]
        self._seconds.append((second, counted))

    @property
    def recent(self) -> int:
        """Their number."""
        since = self._now() - WINDOW_SECONDS
        return sum(counted for second, counted in self._seconds if second >= since)
