"""Send test events, on the clock or as fast as they are answered."""

import asyncio
import io
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Final

import aiohttp

from functions.publisher.account import ERROR, Account, Summary
from functions.publisher.handler import Body
from runtime.publishing.maker import bodies_of, maker_of
from runtime.publishing.options import PublishOptions
from runtime.publishing.progress import progress

_TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=30)
"""Longer waits are counted as failures."""

_KEEP_ALIVE_SECONDS: Final = 3
"""Less than a server's usual 5: a POST on a connection that it has just closed would be lost."""

_STOP_SECONDS: Final = 10


async def publish(options: PublishOptions, *, stop: asyncio.Event | None = None) -> Summary:
    """Send requests by the options; none is retried, and a failure does not end the run.

    Args:
        options: What to send, where and how fast.
        stop: Once it is set nothing new is sent, and answers are awaited 10 seconds more.

    Returns:
        The account of all requests that were sent.

    Raises:
        MakerDied: The process that makes the bodies is gone; earlier requests were sent.
    """
    account = Account()
    with maker_of(options) as maker:
        async with _session() as session, progress(account):
            sender = _Sender(options, session, account)
            await sender.run(bodies_of(options, maker), stop or asyncio.Event())
    return account.summary(seed=options.seed)


class _Sender:
    """Posts bodies on the clock, or as fast as they are answered."""

    def __init__(
        self, options: PublishOptions, session: aiohttp.ClientSession, account: Account
    ) -> None:
        self._url = options.events_url
        self._headers = options.headers
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
            status = await self._answer(body.content)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._account.failed(_in_words(error))
        finally:
            self._account.answered(body.manifest, status, sent_at=sent_at, at=time.monotonic())
            self._slots.release()

    async def _answer(self, content: bytes) -> str:
        async with self._session.post(
            self._url,
            data=io.BytesIO(content),  # sent in pieces: bytes would block the loop
            headers=self._headers,
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
    """Do the work, but cancel it when ``stop`` is set; only then is its failure ignored."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        stopped.cancel()
        outcome, _ = await asyncio.gather(task, stopped, return_exceptions=True)
    if isinstance(outcome, Exception) and not stop.is_set():
        raise outcome


def _in_words(error: Exception) -> str:
    """Describe why there was no answer."""
    match error:
        case TimeoutError():
            return f"no answer within {_TIMEOUT.total:.0f} s"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before the answer"
        case aiohttp.ClientConnectorDNSError():
            return "the host name can't be resolved"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case _:
            return f"no answer: {type(error).__name__}"


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield session
