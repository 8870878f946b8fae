"""The consumer's loop: fetch messages, and have them settled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Generic

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from functions.messages import Delivery
from runtime.bus.gate import Gate
from runtime.bus.manifests import Headers
from runtime.bus.settling import MAX_BYTES, Settling, keep_nothing
from runtime.bus.work import Item, MessageHandler
from runtime.jetstream.kept import Keep, replayed_delivery
from runtime.jetstream.pull import Pull
from runtime.loops import pause
from runtime.telemetry.metrics import ConsumerMetrics

_log = structlog.get_logger()

_FETCH_WAIT_SECONDS = 5.0
_GATHER_SECONDS = 0.1
"""Time from one batch to the next, unless more wait: a commit costs as much as some hundred rows.
"""

_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 10.0

_PROGRESS_SECONDS = 1.0
"""How often messages in progress are reported to the broker. Without that it waits for
``ACK_WAIT_SECONDS``, which can be short: a dead process's messages are redelivered soon,
and a slow one's are not."""


class StreamMessage:
    """A message of a stream, in the hands of its consumer; see ``Message``.

    Attributes:
        raw: As the client library has it.
        key: Its subject, and its sequence in the stream.
        times: How often it was delivered, including this time.
    """

    def __init__(self, raw: Msg) -> None:
        self.raw = raw
        self._sequence = int(raw.metadata.sequence.stream)
        self.key = f"{raw.subject}\0{self._sequence}"
        self.times = int(raw.metadata.num_delivered or 1)

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.raw.data

    @property
    def headers(self) -> Headers:
        """Its headers."""
        return self.raw.headers

    @property
    def came_at(self) -> datetime:
        """When the broker stored it, UTC."""
        return self.raw.metadata.timestamp or datetime.now(UTC)

    @property
    def delivery(self) -> Delivery:
        """How it came, or first came if it is replayed."""
        first = replayed_delivery(self.raw.headers, self.times)
        return first or Delivery(self.raw.metadata.timestamp, self._sequence, self.times)

    def read(self) -> bytes:
        """Return its bytes."""
        return self.raw.data


class Consumer(Generic[Item]):
    """Runs one consumer, some batches at a time: one is read while another commits.

    Messages are settled by ``Settling``; a returned one stays away for a while.
    """

    def __init__(
        self,
        work: MessageHandler[Item],
        metrics: ConsumerMetrics,
        *,
        first_delay_seconds: float = _FIRST_DELAY_SECONDS,
        gather_seconds: float = _GATHER_SECONDS,
        gate: Gate | None = None,
        keep: Keep = keep_nothing,
        max_bytes: int = MAX_BYTES,
        answers: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Prepare; any number of loops may run on one consumer.

        Args:
            work: Handles messages.
            metrics: Where they are counted.
            first_delay_seconds: How long a message stays away when it is returned
                for the first time; each further time doubles it, up to ten seconds.
            gather_seconds: How long messages gather after a batch, from when it
                arrived; if more are waiting already, the next is fetched at once.
            gate: Shared with the other consumers of this process, if there are any: a
                message that may end it is opened while none of them has any in hand.
            keep: Keeps settled messages elsewhere, before they are acknowledged.
            max_bytes: Maximum unpacked size of a batch, unless one message alone may
                have more: then nothing else is in hand.
            answers: Checks that the store of the items answers; raises ``Unavailable``.
                A batch that fails while it answers may itself be too large.
        """
        self._metrics = metrics
        self._first_delay_seconds = first_delay_seconds
        self._gather_seconds = gather_seconds
        self._keep_raw = keep
        self._in_hand: dict[int, StreamMessage] = {}
        self._stop = asyncio.Event()
        self._loops = 0
        self._reports: asyncio.Task[None] | None = None
        self._settling: Settling[StreamMessage, Item] = Settling(
            work,
            metrics,
            ack=self._ack,
            nack=self._nack,
            gate=gate,
            max_bytes=max_bytes,
            keep=self._keep,
            answers=answers,
            is_stopping=self._is_stopping,
        )

    async def run(self, pull: Pull, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set, finishing the batch in hand."""
        self._stop = stop
        failures = 0
        async with pull.open(), self._reporting_progress():
            while not stop.is_set():
                fetched = await _unless(stop, pull.fetch(_FETCH_WAIT_SECONDS))
                if not fetched:
                    continue
                came_at = _now()
                if await self._take([StreamMessage(raw) for raw in fetched]):
                    failures = 0
                    if not _more_wait(fetched):
                        await pause(came_at + self._gather_seconds - _now(), stop)
                else:
                    failures += 1
                    await pause(self._delay_seconds(failures), stop)

    @asynccontextmanager
    async def _reporting_progress(self) -> AsyncIterator[None]:
        """Report messages in progress to the broker while the context is open."""
        self._loops += 1
        if self._reports is None:
            self._reports = asyncio.create_task(self._report_progress())
        try:
            yield
        finally:
            self._loops -= 1
            if not self._loops:
                reports, self._reports = self._reports, None
                reports.cancel()
                await asyncio.wait([reports])

    async def _report_progress(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            for message in list(self._in_hand.values()):
                with suppress(NatsError):  # the connection's own watchers report it
                    await message.raw.in_progress()

    async def _take(self, messages: Sequence[StreamMessage]) -> bool:
        """Have messages settled; meanwhile they are reported as in progress."""
        for message in messages:
            self._in_hand[id(message)] = message
        try:
            return await self._settling.take(messages)
        finally:
            for message in messages:
                self._in_hand.pop(id(message), None)

    def _is_stopping(self) -> bool:
        return self._stop.is_set()  # of the event that run was given

    async def _keep(self, messages: Sequence[StreamMessage]) -> None:
        await self._keep_raw([message.raw for message in messages])

    async def _ack(self, message: StreamMessage) -> None:
        self._in_hand.pop(id(message), None)
        await message.raw.ack()

    async def _nack(self, message: StreamMessage) -> None:
        self._metrics.retried.inc()
        self._in_hand.pop(id(message), None)
        await message.raw.nak(delay=self._delay_seconds(message.times))

    def _delay_seconds(self, times: int) -> float:
        return float(min(self._first_delay_seconds * 2 ** min(times - 1, 10), _MAX_DELAY_SECONDS))


def _now() -> float:
    """Return the loop's time, by which it also waits: a simulation has its own loop."""
    return asyncio.get_running_loop().time()


def _more_wait(messages: Sequence[Msg]) -> bool:
    return bool(messages[-1].metadata.num_pending)


async def _unless(stop: asyncio.Event, fetch: Awaitable[list[Msg]]) -> list[Msg]:
    """Fetch, or stop waiting when stopped; messages that arrive unseen are redelivered."""
    fetching = asyncio.ensure_future(fetch)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((fetching, stopping), return_when=asyncio.FIRST_COMPLETED)
        return fetching.result() if fetching.done() else []
    finally:
        fetching.cancel()
        stopping.cancel()
        await asyncio.gather(fetching, stopping, return_exceptions=True)
