"""A process that prepares requests before the clock starts, and then only sends."""

import asyncio
import math
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from multiprocessing.connection import Connection as Pipe
from urllib.parse import urlsplit

import uvloop

from tests.benchmarks.bodies import Batch, make_bodies
from tests.benchmarks.client import Connection, post_request
from tests.benchmarks.percentiles import percentile

_PATH = "/events"


@dataclass(frozen=True, slots=True)
class Plan:
    """The load to send, and how.

    Attributes:
        batch: The requests.
        connections: How many are in flight.
        beside: Requests sent on a separate connection while the others are sent.
        pause_seconds: Between two of those.
    """

    batch: Batch
    connections: int
    beside: Batch | None = None
    pause_seconds: float = 0.0

    def scaled(self, share: float) -> "Plan":
        """Send fewer requests in the same way."""
        return replace(self, batch=self.batch.scaled(share))


@dataclass(slots=True)
class Sent:
    """The results of the requests.

    Attributes:
        began: When the first byte was sent, on the machine's monotonic clock.
        ended: When the last answer was received.
        processor_seconds: Processor time of sending.
        latency_ms: p50, p95, p99 and max of all requests.
        beside_ms: The same for the requests beside them.
        statuses: Requests by status; 0 got no answer.
        accepted: Valid events of the requests answered 202.
    """

    began: float = 0.0
    ended: float = 0.0
    processor_seconds: float = 0.0
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    beside_ms: Mapping[str, float] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: int = 0

    @property
    def seconds(self) -> float:
        """The time until all were answered."""
        return self.ended - self.began


def _summary(milliseconds: Sequence[float]) -> dict[str, float]:
    percentiles = {f"p{percent}": percentile(milliseconds, percent) for percent in (50, 95, 99)}
    return percentiles | {"max": max(milliseconds, default=math.nan)}


class Load:
    """The process with its prepared requests; they can be sent several times, to any address."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, plan), daemon=True)
        self._process.start()
        theirs.close()

    async def made(self) -> None:
        """Wait until all requests are prepared."""
        await self._receive()

    async def send(self, url: str) -> Sent:
        """Send all requests to ``url``; nothing is retried."""
        self._pipe.send(url)
        return await self._receive()

    async def _receive(self) -> Sent:
        received: Sent = await asyncio.get_running_loop().run_in_executor(None, self._pipe.recv)
        return received

    def close(self) -> None:
        """End the process; it has nothing to lose."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process.close()


@asynccontextmanager
async def made(plan: Plan) -> AsyncIterator[Load]:
    """Hold a load whose requests are prepared while the context is open."""
    load = Load(plan)
    try:
        await load.made()
        yield load
    finally:
        load.close()


def _serve(pipe: Pipe, plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    requests = _requests(plan.batch)
    beside = _requests(plan.beside) if plan.beside else []
    pipe.send(Sent())
    with suppress(EOFError, OSError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while True:
            url = pipe.recv()
            pipe.send(runner.run(_send(url, plan, requests, beside)))


def _requests(batch: Batch) -> list[bytes]:
    return [post_request(_PATH, body) for body in make_bodies(batch)]


async def _send(url: str, plan: Plan, requests: list[bytes], beside: list[bytes]) -> Sent:
    sent = Sent()
    used = time.process_time()
    connections = await _connected(url, plan.connections + bool(beside))
    small = connections.pop() if beside else None
    queue = iter(requests)
    sent.began = time.monotonic()
    sending = asyncio.gather(*(_send_all(each, queue, plan, sent) for each in connections))
    if small is not None:
        sent.beside_ms = _summary(
            await _send_beside(small, beside, plan.pause_seconds, sending, sent)
        )
    latencies = await sending
    sent.ended = time.monotonic()
    sent.processor_seconds = time.process_time() - used
    sent.latency_ms = _summary([each for some in latencies for each in some])
    return sent


async def _connected(url: str, number: int) -> list[Connection]:
    target = urlsplit(url)
    connections = [Connection(target.hostname or "", target.port or 80) for _ in range(number)]
    for connection in connections:
        await connection.open()
    return connections


async def _send_all(
    connection: Connection, queue: Iterator[bytes], plan: Plan, sent: Sent
) -> list[float]:
    events = plan.batch.events
    latencies = [await _send_one(connection, request, events, sent) for request in queue]
    connection.close()
    return latencies


async def _send_beside(
    connection: Connection,
    requests: Iterable[bytes],
    pause_seconds: float,
    others: asyncio.Future[list[list[float]]],
    sent: Sent,
) -> list[float]:
    latencies = []
    for request in requests:
        latencies.append(await _send_one(connection, request, 1, sent))
        await asyncio.sleep(pause_seconds)
        if others.done():
            break
    connection.close()
    return latencies


async def _send_one(connection: Connection, request: bytes, events: int, sent: Sent) -> float:
    """Send a request, count its outcome, and return its milliseconds."""
    started = time.perf_counter()
    status = await connection.send(request)
    milliseconds = (time.perf_counter() - started) * 1000
    sent.statuses[status] += 1
    if status == HTTPStatus.ACCEPTED:
        sent.accepted += events
    return milliseconds
