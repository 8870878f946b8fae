"""Warns, at intervals, that senders' events are refused."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

_log = structlog.get_logger()

_SECONDS: Final = 10.0
"""Between two warnings: a faulty sender makes hundreds of requests per second, and each of them
has its own line at ``info``."""


class RefusedRequests:
    """Warns of requests whose events were all rejected: at once, then every ten seconds.

    Args:
        clock: Monotonic seconds.
    """

    __slots__ = ("_clock", "_next", "_untold")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold = 0
        self._next = float("-inf")

    def add(self, status: int, facts: Mapping[str, Any]) -> None:
        """Record a request of which no event was taken.

        Args:
            status: The answer's.
            facts: The fields of its log line. The warning repeats them, and adds
                ``requests``, the number of such requests since the last warning.
        """
        self._untold += 1
        now = self._clock()
        if now < self._next:
            return
        requests, self._untold = self._untold, 0
        self._next = now + _SECONDS
        _log.warning("whole request rejected", requests=requests, status=status, **facts)
