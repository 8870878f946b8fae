"""Persistent senders: a refused request is sent again until it is accepted."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.benchmarks.bodies import Batch, make_bodies
from tests.benchmarks.client import Connection, post_request

ACCEPTED, REFUSED = 202, 503

_BETWEEN_SECONDS = 0.1
"""Time between a refusal and the next try: much shorter than a good sender's."""

_POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: its events, its time, and its latency."""

    status: int
    events: int
    at: float
    milliseconds: float


@dataclass(slots=True)
class Pressure:
    """Senders that share a number of requests, and send each again until it is accepted.

    Attributes:
        url: The gateway's.
        events: In each body.
        waiting: Requests not accepted yet.
        answers: All answers, in order.
    """

    url: str
    events: int
    waiting: deque[bytes]
    answers: list[Answered] = field(default_factory=list)

    async def send_all(self, pause_seconds: float) -> None:
        """Send one request after another while there are any; refused ones are sent again."""
        connection = self._connection()
        while self.waiting:
            request = self.waiting.popleft()
            if await self._send(connection, request) != ACCEPTED:
                self.waiting.append(request)
                await asyncio.sleep(_BETWEEN_SECONDS)
            await asyncio.sleep(pause_seconds)
        connection.close()

    async def _send(self, connection: Connection, request: bytes) -> int:
        started = time.perf_counter()
        status = await connection.send(request)
        milliseconds = (time.perf_counter() - started) * 1000
        self.answers.append(Answered(status, self.events, time.monotonic(), milliseconds))
        return status

    async def first(self, status: int, after: float) -> float:
        """Wait for an answer with that status after a time; returns when it was received."""
        while True:
            for answer in reversed(self.answers):
                if answer.at < after:
                    break
                if answer.status == status:
                    return answer.at
            await asyncio.sleep(_POLL_SECONDS)

    def accepted(self) -> int:
        """Count the acknowledged events."""
        return sum(each.events for each in self.answers if each.status == ACCEPTED)

    def _connection(self) -> Connection:
        target = urlsplit(self.url)
        return Connection(target.hostname or "", target.port or 80)


def pressure(url: str, batch: Batch) -> Pressure:
    """Make new requests to send."""
    return Pressure(
        url, batch.events, deque(post_request("/events", body) for body in make_bodies(batch))
    )
