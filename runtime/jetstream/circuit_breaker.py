"""A circuit breaker: nobody waits long for a broker that is known not to answer."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from functions.errors import Unavailable
from runtime.telemetry.reasons import Reason

_REST_SECONDS = 0.25
"""Between two probes; who comes meanwhile is refused by the last one's outcome."""


class CircuitBreaker:
    """Opens when requests stay unanswered for too long, and closes when a probe is answered.

    All requests together have ``limit_seconds`` from the first that is not
    answered, not each its own: else those that wait for the turn of others
    would wait that many times as long. There is nothing that watches the
    broker: while it is open, who comes next asks.

    Args:
        probe: Asks for an answer, in under a second; raises ``Unavailable``.
        limit_seconds: The silence after which it opens.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]], limit_seconds: float) -> None:
        self._probe = probe
        self._limit_seconds = limit_seconds
        self._silent_since = math.inf
        self._probed_at = -math.inf
        self._turn = asyncio.Lock()

    async def admit(self) -> None:
        """Return at once while closed; while open, ask, or wait for the answer to who asks.

        Raises:
            Unavailable: There is none.
        """
        if self.left_seconds() <= 0:
            async with self._turn:
                if self.left_seconds() <= 0:
                    await self._ask()

    def left_seconds(self) -> float:
        """Tell how long an answer may still take; 0 or less while open."""
        return min(self._limit_seconds, self._limit_seconds + self._silent_since - _now())

    def asked(self) -> None:
        """Note that a request is sent."""
        self._silent_since = min(self._silent_since, _now())

    def answered(self) -> None:
        """Note that one is answered, whatever the answer is."""
        self._silent_since = math.inf

    async def _ask(self) -> None:
        if _now() - self._probed_at < _REST_SECONDS:
            raise Unavailable(Reason.BROKER_AWAY.of("it has just not answered"))
        try:
            await self._probe()
        finally:
            self._probed_at = _now()
        self.answered()


def _now() -> float:
    """Tell the loop's time: a simulation has a loop of its own."""
    return asyncio.get_running_loop().time()
