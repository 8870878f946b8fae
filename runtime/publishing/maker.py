"""A process that makes the bodies ahead, so that the sending loop never waits for one."""

import asyncio
import multiprocessing
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from typing import Final

from functions.publisher.generate import SPAN_MS
from functions.publisher.handler import Body, PublishingPlan, handle
from functions.publisher.recent import Recent
from runtime.publishing.options import PublishOptions

Order = list[tuple[int, int]]
"""Requests to make bodies for: the number of each, and the start of its second in Unix ms."""

_SEEDED_START_MS: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z: a run with a seed is identical whenever it runs."""

_ORDERS_AHEAD: Final = 2


class MakerDied(Exception):
    """The process that makes the bodies ended unexpectedly."""


class Maker:
    """A process that makes bodies to order, so that the loop never waits for one."""

    def __init__(self, plan: PublishingPlan, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, plan, seed)
        self._process = context.Process(target=_make_bodies, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # otherwise the end of the process would never be seen
        self._receiver = ThreadPoolExecutor(max_workers=1)

    def order(self, order: Order) -> None:
        """Order bodies, to be received in the same order."""
        with suppress(OSError):  # receiving reports it better
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


def _make_bodies(connection: Connection, plan: PublishingPlan, seed: int) -> None:
    """Fill orders until the other side is gone, however it ended."""
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
def maker_of(options: PublishOptions) -> Iterator[Maker]:
    """Hold the process while the context is open."""
    seed = secrets.randbits(64) if options.seed is None else options.seed
    maker = Maker(options.plan, seed)
    try:
        yield maker
    finally:
        maker.close()


async def bodies_of(options: PublishOptions, maker: Maker) -> AsyncGenerator[Body, None]:
    """Yield the bodies of all requests; a few are always made ahead."""
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
    """Yield all requests in order; their events are from the second before each is due."""
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
