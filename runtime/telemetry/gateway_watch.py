"""The gateways as the reporter sees them: it has no other information on their refusals."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import aiohttp

from functions.reporter.pipeline import GatewayFigures
from runtime.loops import every
from runtime.telemetry.refusals import WINDOW_SECONDS

_ASK_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 2.0
_DURABLE: Final = ("disk", "unknown")


class _Seen(NamedTuple):
    at_seconds: float
    is_ready: bool
    refusals: int
    is_durable: bool


class GatewayWatch:
    """Asks gateways how they are, every five seconds.

    A URL may lead to any of several replicas, so the worst answer of the last two minutes
    counts; for readiness, the last one.

    Args:
        urls: Theirs, as reached from here.
        now: Monotonic seconds.
    """

    def __init__(self, urls: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        most = int(WINDOW_SECONDS / _ASK_SECONDS)
        self._seen: dict[str, deque[_Seen]] = {url: deque(maxlen=most) for url in urls}

    @property
    def figures(self) -> GatewayFigures | None:
        """What is known of them; None before the first answers, or if none is watched."""
        last = [seen[-1] for seen in self._seen.values() if seen]
        if len(last) < len(self._seen) or not last:
            return None
        since = self._now() - WINDOW_SECONDS
        recent = [
            [it for it in seen if it.at_seconds >= since] or [seen[-1]]
            for seen in self._seen.values()
        ]
        return GatewayFigures(
            unready=sum(not it.is_ready for it in last),
            refusals=sum(max(it.refusals for it in seen) for seen in recent),
            not_durable=sum(not all(it.is_durable for it in seen) for seen in recent),
        )

    async def watch(self, stop: asyncio.Event) -> None:
        """Ask until ``stop`` is set."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async for _ in every(_ASK_SECONDS, stop):
                await asyncio.gather(*(self._ask(session, url) for url in self._seen))

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.get(f"{url.rstrip('/')}/health/ready") as answer:
                told: dict[str, Any] = await answer.json()
                refusals = int(told["refusals"])
                is_durable = told["durability"] in _DURABLE
                seen = _Seen(self._now(), answer.ok, refusals, is_durable)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
            seen = _Seen(self._now(), False, 0, True)  # noqa: FBT003 - of a NamedTuple
        self._seen[url].append(seen)
