"""Tells, now and then, that senders get nothing taken."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

_log = structlog.get_logger()

_SECONDS: Final = 10.0
"""Between two warnings: a sender that goes wrong asks hundreds of times a second, and each of its
requests has a line of its own at ``info``."""


class RefusedRequests:
    """Warns that requests with events were rejected whole, at once and then each ten seconds.

    Args:
        clock: Seconds that never go back.
    """

    __slots__ = ("_clock", "_next", "_untold")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold = 0
        self._next = float("-inf")

    def add(self, status: int, facts: Mapping[str, Any]) -> None:
        """Note a request of whose events none was taken.

        Args:
            status: Of its answer.
            facts: What its line in the log says; the warning repeats it, and
                has in ``requests`` how many there were since the last one.
        """
        self._untold += 1
        now = self._clock()
        if now < self._next:
            return
        requests, self._untold = self._untold, 0
        self._next = now + _SECONDS
        _log.warning("request rejected whole", requests=requests, status=status, **facts)
