"""A circuit breaker: no request waits long for a broker that is known not to answer."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from functions.errors import Unavailable
from runtime.telemetry.reasons import Reason

_REST_SECONDS = 0.25
"""Time between two probes; requests in between are refused by the last probe's result."""


class CircuitBreaker:
    """Opens when requests stay unanswered for too long, and closes when a probe is answered.

    All requests share ``limit_seconds`` from the first unanswered one, instead of each
    having its own: otherwise requests queued behind others would wait many times as
    long. Nothing watches the broker: while the breaker is open, the next request
    probes it.

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
        """Return at once while closed; while open, probe the broker or wait for the current probe.

        Raises:
            Unavailable: There is no answer.
        """
        if self.left_seconds() <= 0:
            async with self._turn:
                if self.left_seconds() <= 0:
                    await self._ask()

    def left_seconds(self) -> float:
        """Return how long an answer may still take; 0 or less while open."""
        return min(self._limit_seconds, self._limit_seconds + self._silent_since - _now())

    def asked(self) -> None:
        """Record that a request is sent."""
        self._silent_since = min(self._silent_since, _now())

    def answered(self) -> None:
        """Record that a request is answered, whatever the answer is."""
        self._silent_since = math.inf

    async def _ask(self) -> None:
        if _now() - self._probed_at < _REST_SECONDS:
            raise Unavailable(Reason.BROKER_AWAY.of("it did not answer just now"))
        try:
            await self._probe()
        finally:
            self._probed_at = _now()
        self.answered()


def _now() -> float:
    """Return the loop's time: a simulation has its own loop."""
    return asyncio.get_running_loop().time()
