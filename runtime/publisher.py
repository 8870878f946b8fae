"""Send test events: another process makes the bodies, the loop here only sends them."""

import asyncio
import io
import math
import multiprocessing
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from functions.publisher.account import ERROR, Account, Summary
from functions.publisher.generate import SPAN_MS
from functions.publisher.handler import Body, Plan, handle
from functions.publisher.recent import Recent

Order = list[tuple[int, int]]
"""Requests to make bodies for: the number of each, and the start of its second in Unix ms."""

_SEEDED_START_MS: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z: a run with a seed comes out the same whenever it runs."""

_DEFAULT_CONCURRENCY: Final = 8
"""Without an interval there has to be a limit: enough to keep a gateway busy."""

_ORDERS_AHEAD: Final = 2
_EVENTS_A_BATCH: Final = 2000
_BODIES_A_BATCH: Final = 256

_TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=30)
"""The original waits without end; what waits longer than this is as good as lost."""

_KEEP_ALIVE_SECONDS: Final = 3
"""Less than a server's usual 5: a POST on a connection that it just closed would be lost."""

_STOP_SECONDS: Final = 10
_PROGRESS_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """What to send, where and how fast.

    Attributes:
        url: The gateway, or its ``/events``.
        requests: How many; None is until stopped.
        interval_seconds: Between two requests, answered or not; 0 is as fast as possible.
        concurrency: Most requests in flight; None is no limit, or 8 without an interval.
        seed: Makes every byte of the run repeatable, timestamps included.
    """

    url: str
    requests: int | None = None
    min_events: int = 1000
    max_events: int = 50_000
    interval_seconds: float = 1.0
    concurrency: int | None = None
    corrupt_probability: float = 0.1
    duplicate_probability: float = 0.0
    single: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be done.

        Raises:
            ValueError: An option is out of its range; names which.
        """
        target = urlsplit(self.url)
        if target.scheme not in ("http", "https") or not target.hostname:
            raise ValueError("url must be like http://host:port")
        if self.requests is not None and self.requests < 0:
            raise ValueError("requests must be 0 or more")
        if not 0 <= self.interval_seconds < math.inf:
            raise ValueError("interval must be 0 or more seconds")
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError("concurrency must be 1 or more")
        _ = self.plan

    @property
    def plan(self) -> Plan:
        """What the bodies are to be like."""
        return Plan(
            min_events=self.min_events,
            max_events=self.max_events,
            corrupt_probability=self.corrupt_probability,
            duplicate_probability=self.duplicate_probability,
            single=self.single,
        )

    @property
    def events_url(self) -> str:
        """Where to post."""
        url = self.url.rstrip("/")
        return url if url.endswith("/events") else f"{url}/events"

    @property
    def max_in_flight(self) -> int | None:
        """Most requests in flight; None is no limit."""
        if self.concurrency is None and not self.interval_seconds:
            return _DEFAULT_CONCURRENCY
        return self.concurrency

    @property
    def bodies_a_batch(self) -> int:
        """How many bodies to make together: many when they are small and nobody waits."""
        if self.interval_seconds:
            return 1
        events_a_body = 1 if self.single else (self.min_events + self.max_events) // 2
        return max(1, min(_BODIES_A_BATCH, _EVENTS_A_BATCH // max(1, events_a_body)))


async def publish(options: PublishOptions, *, stop: asyncio.Event | None = None) -> Summary:
    """Send what the options say; no request is tried twice, and none that fails ends the run.

    Args:
        options: What to send, where and how fast.
        stop: Once it is set nothing new is sent, and answers are awaited 10 seconds more.

    Returns:
        The account of all requests that were sent.

    Raises:
        MakerDied: The process that makes the bodies is gone; what was sent is sent.
    """
    account = Account()
    with _maker(options) as maker:
        async with _session() as session, _progress(account):
            sender = _Sender(options, session, account)
            await sender.run(_bodies(options, maker), stop or asyncio.Event())
    return account.summary(seed=options.seed)


class MakerDied(Exception):  # noqa: N818 - what happened, in the words of its docstring
    """The process that makes the bodies ended by itself."""


class _Sender:
    """Posts bodies on the clock, or as fast as the answers let it."""

    def __init__(
        self, options: PublishOptions, session: aiohttp.ClientSession, account: Account
    ) -> None:
        self._url = options.events_url
        self._interval_seconds = options.interval_seconds
        self._slots = asyncio.Semaphore(options.max_in_flight or sys.maxsize)
        self._session = session
        self._account = account
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self, bodies: AsyncGenerator[Body, None], stop: asyncio.Event) -> None:
        """Send until there are no more bodies or ``stop`` is set; then await the answers."""
        try:
            await _until(stop, self._send_all(bodies))
            await _until(stop, self._await_answers())
            await self._await_answers(timeout_seconds=_STOP_SECONDS)
        finally:
            await self._give_up()

    async def _send_all(self, bodies: AsyncGenerator[Body, None]) -> None:
        due = time.monotonic()
        async with aclosing(bodies):
            async for body in bodies:
                await self._slots.acquire()
                await asyncio.sleep(due - time.monotonic())
                self._send(body)
                due = max(due + self._interval_seconds, time.monotonic())

    def _send(self, body: Body) -> None:
        sent_at = time.monotonic()
        self._account.sent(body.manifest, at=sent_at)
        task = asyncio.create_task(self._post(body, sent_at))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _post(self, body: Body, sent_at: float) -> None:
        status = ERROR
        try:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                status = await self._answer(body.content)
        finally:
            self._account.answered(body.manifest, status, sent_at=sent_at, at=time.monotonic())
            self._slots.release()

    async def _answer(self, content: bytes) -> str:
        async with self._session.post(
            self._url,
            data=io.BytesIO(content),  # sent in pieces: bytes would block the loop
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        ) as response:
            await response.read()
            return str(response.status)

    async def _await_answers(self, timeout_seconds: float | None = None) -> None:
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=timeout_seconds)

    async def _give_up(self) -> None:
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)


async def _until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work, but cancel it when ``stop`` is set; only then its failure is nobody's."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        stopped.cancel()
        outcome, _ = await asyncio.gather(task, stopped, return_exceptions=True)
    if isinstance(outcome, Exception) and not stop.is_set():
        raise outcome


class _Maker:
    """A process that makes bodies to order, so that the loop never waits for one."""

    def __init__(self, plan: Plan, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, plan, seed)
        self._process = context.Process(target=_make_bodies, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # or the end of the process would never be seen
        self._receiver = ThreadPoolExecutor(max_workers=1)

    def order(self, order: Order) -> None:
        """Ask for bodies, to be received in the order they were asked for."""
        with suppress(OSError):  # receiving says it better
            self._connection.send(order)

    async def receive(self) -> list[Body]:
        """Wait for the bodies of the next order."""
        loop = asyncio.get_running_loop()
        try:
            bodies: list[Body] = await loop.run_in_executor(self._receiver, self._connection.recv)
        except (EOFError, OSError) as error:
            raise MakerDied from error
        return bodies

    def close(self) -> None:
        """End the process at once: it has nothing to lose."""
        self._process.kill()
        self._process.join()
        self._receiver.shutdown()
        self._connection.close()
        self._process.close()


def _make_bodies(connection: Connection, plan: Plan, seed: int) -> None:
    """Fill orders until the other side is gone, however it went."""
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    recent = Recent()
    with suppress(EOFError, OSError):
        while True:
            order: Order = connection.recv()
            connection.send(
                [
                    handle(number, seed=seed, started_ms=started_ms, plan=plan, recent=recent)
                    for number, started_ms in order
                ]
            )


@contextmanager
def _maker(options: PublishOptions) -> Iterator[_Maker]:
    seed = secrets.randbits(64) if options.seed is None else options.seed
    maker = _Maker(options.plan, seed)
    try:
        yield maker
    finally:
        maker.close()


async def _bodies(options: PublishOptions, maker: _Maker) -> AsyncGenerator[Body, None]:
    """The bodies of all requests, a few always in the making."""
    orders = _orders(options)
    awaited = 0
    for order in islice(orders, _ORDERS_AHEAD):
        maker.order(order)
        awaited += 1
    while awaited:
        bodies = await maker.receive()
        awaited -= 1
        for order in islice(orders, 1):
            maker.order(order)
            awaited += 1
        for body in bodies:
            yield body


def _orders(options: PublishOptions) -> Iterator[Order]:
    """All requests in order; their events are from the second before each is due."""
    began = time.time()
    last = sys.maxsize if options.requests is None else options.requests
    for first in range(0, last, options.bodies_a_batch):
        due = max(time.time(), began + first * options.interval_seconds)
        unseeded_ms = int(due * 1000) - SPAN_MS
        yield [
            (number, unseeded_ms if options.seed is None else _seeded_ms(number))
            for number in range(first, min(last, first + options.bodies_a_batch))
        ]


def _seeded_ms(number: int) -> int:
    return _SEEDED_START_MS + number * SPAN_MS


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield session


@asynccontextmanager
async def _progress(account: Account) -> AsyncIterator[None]:
    """Keep one line of a terminal up to date; say nothing where there is none."""
    if not sys.stderr.isatty():
        yield
        return
    showing = asyncio.create_task(_show(account))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait((showing,))
        _write(account, end="\n")


async def _show(account: Account) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        _write(account)


def _write(account: Account, *, end: str = "") -> None:
    sys.stderr.write(f"\r\033[K{account.progress(at=time.monotonic())}{end}")
    sys.stderr.flush()
