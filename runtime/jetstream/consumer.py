"""The consumer's loop: fetch, decode, handle, settle."""

import asyncio
import math
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Generic

import structlog
from nats.aio.msg import Msg

from functions.errors import Unavailable
from functions.ports import Delivery
from runtime.envelopes import UnreadableEnvelope
from runtime.jetstream.pull import Pull
from runtime.metrics import ConsumerMetrics
from runtime.work import Item, Work, unreadable

_log = structlog.get_logger()

_FETCH_WAIT_SECONDS = 5.0
_GATHER_SECONDS = 0.1
"""From one batch to the next, unless more wait: a commit costs as much as some hundred rows."""

_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 10.0
_MAX_CRASHES = 5
"""Deliveries after which a message that still crashes the handler is a dead
letter, if others succeeded since its first crash: where nothing succeeds the
fault is ours, and nothing is given up."""


class Consumer(Generic[Item]):
    """Runs one consumer, some batches at a time: one is read while another commits.

    A message is settled once, after its items were handled: acknowledged when
    they are committed, given back when something is unavailable, kept as a
    dead letter when nobody can ever read it.
    """

    def __init__(
        self,
        work: Work[Item],
        metrics: ConsumerMetrics,
        *,
        first_delay_seconds: float = _FIRST_DELAY_SECONDS,
        gather_seconds: float = _GATHER_SECONDS,
    ) -> None:
        """Prepare; any number of loops may run on one consumer.

        Args:
            work: What to do with messages.
            metrics: Where it is counted.
            first_delay_seconds: How long a message stays away when it is given
                back the first time; each time more doubles it, up to ten seconds.
            gather_seconds: How long the messages after a batch gather, from when
                it came; where more wait already, the next is fetched at once.
        """
        self._work = work
        self._metrics = metrics
        self._first_delay_seconds = first_delay_seconds
        self._gather_seconds = gather_seconds
        self._succeeded_at = -math.inf
        self._crashed_at: dict[int, float] = {}  # by sequence, until it is settled

    async def run(self, pull: Pull, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set, finishing the batch in hand."""
        failures = 0
        async with pull.open():
            while not stop.is_set():
                messages = await _unless(stop, pull.fetch(_FETCH_WAIT_SECONDS))
                if not messages:
                    continue
                came_at = _now()
                if await self._process(messages):
                    failures = 0
                    if not _more_wait(messages):
                        await _pause(stop, came_at + self._gather_seconds - _now())
                else:
                    failures += 1
                    await _pause(stop, self._delay_seconds(failures))

    async def _process(self, messages: Sequence[Msg]) -> bool:
        """Handle a batch; tell whether its messages were settled for good."""
        try:
            await self._handle(messages)
        except Unavailable as error:
            _log.warning("batch given back", messages=len(messages), error=str(error))
            await self._give_back(messages)
            return False
        except Exception:  # noqa: BLE001 - whatever it is, every message is settled
            _log.exception("batch failed", messages=len(messages))
            for message in messages:
                self._crashed_at.setdefault(_sequence(message), _now())
            return await self._isolate(messages)
        self._succeeded_at = _now()
        for message in messages:
            await self._settle(message)
        return True

    async def _settle(self, message: Msg) -> None:
        self._crashed_at.pop(_sequence(message), None)
        await message.ack()

    async def _handle(self, messages: Sequence[Msg]) -> None:
        self._metrics.redelivered.inc(sum(_deliveries(message) > 1 for message in messages))
        items: list[Item] = []
        for message in messages:
            try:
                items += self._work.decode(message.data, message.headers, _delivery(message))
            except UnreadableEnvelope as error:
                await self._bury(message, str(error))
            await asyncio.sleep(0)
        if items:
            started = time.monotonic()
            await self._work.handle(items)
            self._metrics.commit_seconds.observe(time.monotonic() - started)

    async def _isolate(self, messages: Sequence[Msg]) -> bool:
        """Find out which message of a batch crashes the handler."""
        if len(messages) > 1:
            return all([await self._process([message]) for message in messages])
        message = messages[0]
        others_succeeded = self._succeeded_at > self._crashed_at[_sequence(message)]
        if _deliveries(message) < _MAX_CRASHES or not others_succeeded:
            await self._give_back(messages)
            return False
        try:
            await self._bury(message, "the handler crashes on it")
        except Exception:  # noqa: BLE001 - the loop goes on, and so does the message
            _log.exception("dead letter not kept")
            await self._give_back(messages)
            return False
        await self._settle(message)
        return True

    async def _give_back(self, messages: Sequence[Msg]) -> None:
        self._metrics.retried.inc(len(messages))
        for message in messages:
            await message.nak(delay=self._delay_seconds(_deliveries(message)))

    def _delay_seconds(self, times: int) -> float:
        return float(min(self._first_delay_seconds * 2 ** min(times - 1, 10), _MAX_DELAY_SECONDS))

    async def _bury(self, message: Msg, why: str) -> None:
        came_at = message.metadata.timestamp or datetime.now(UTC)
        letter = unreadable(self._work.source, message.data, why, came_at=came_at)
        await self._work.bury(letter, message.headers)


def _now() -> float:
    """Tell the loop's time, by which it waits, too: a simulation has a loop of its own."""
    return asyncio.get_running_loop().time()


def _sequence(message: Msg) -> int:
    return int(message.metadata.sequence.stream)


def _deliveries(message: Msg) -> int:
    return int(message.metadata.num_delivered or 1)


def _delivery(message: Msg) -> Delivery:
    return Delivery(message.metadata.timestamp, _sequence(message), _deliveries(message))


def _more_wait(messages: Sequence[Msg]) -> bool:
    return bool(messages[-1].metadata.num_pending)


async def _unless(stop: asyncio.Event, fetch: Awaitable[list[Msg]]) -> list[Msg]:
    """Fetch, or stop waiting when there will be no work on it; what came unseen comes again."""
    fetching = asyncio.ensure_future(fetch)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((fetching, stopping), return_when=asyncio.FIRST_COMPLETED)
        return fetching.result() if fetching.done() else []
    finally:
        fetching.cancel()
        stopping.cancel()
        await asyncio.gather(fetching, stopping, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
