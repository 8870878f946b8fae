"""The consumer's loop: fetch, decode, handle, settle."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, Generic
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from functions.errors import Unavailable
from functions.events.keys import derive_key
from functions.halves import halves
from functions.messages import Delivery
from runtime.bus.envelopes import UnreadableEnvelope, most_bytes_of
from runtime.bus.manifests import MESSAGE_ID
from runtime.bus.work import Item, MessageHandler, unreadable
from runtime.jetstream.kept import Keep, keep_nothing, replayed_delivery
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
_MOST_NAMED: Final = 100  # requests on one log line
_MAX_CRASHES = 5
"""Deliveries after which a message that still crashes the handler becomes a dead letter,
if others succeeded since its first crash: if nothing succeeds the fault is ours, and no
message is dead-lettered."""


_SUSPICIOUS_DELIVERIES = 3
"""From this delivery on a message is opened with nothing else in hand, unless this process
itself returned it: it may have ended the other processes."""

_MAX_DEATHS = 3
"""Processes that ended with such a message in hand before it is no longer opened: five,
together with the deliveries before."""

_PROGRESS_SECONDS = 1.0
"""How often the broker is told which messages are in progress. Without that it waits for
``ACK_WAIT_SECONDS``, which can be short: a dead process's messages are redelivered soon,
and a slow one's are not."""

_REMEMBERED = 10_000
"""Messages remembered as returned, or as slow."""

_MAX_BYTES = 6 * 1024**2
_MAX_FAILURES = 20
"""Consecutive failures while halving failed batches, after which all messages are returned:
twice as many as it takes to find two slow messages among 64. If nothing succeeds, no
single message is at fault."""


class Consumer(Generic[Item]):
    """Runs one consumer, some batches at a time: one is read while another commits.

    A message is settled once, after its items were handled: acknowledged when they are
    committed, returned when something is unavailable, kept as a dead letter when it
    is unreadable, or when it ends each process that opens it.
    """

    def __init__(
        self,
        work: MessageHandler[Item],
        metrics: ConsumerMetrics,
        *,
        first_delay_seconds: float = _FIRST_DELAY_SECONDS,
        gather_seconds: float = _GATHER_SECONDS,
        gate: "Gate | None" = None,
        keep: Keep = keep_nothing,
        max_bytes: int = _MAX_BYTES,
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
        self._work = work
        self._metrics = metrics
        self._first_delay_seconds = first_delay_seconds
        self._gather_seconds = gather_seconds
        self._keep = keep
        self._succeeded_at = -math.inf
        self._crashed_at: dict[int, float] = {}  # by sequence, until it is settled
        self._given_back: dict[int, int] = {}  # by sequence, its delivery then
        self._outlived: Counter[bytes] = Counter()  # marks that are set, or may be
        self._in_hand: dict[int, Msg] = {}
        self._gate = gate or Gate()
        self._max_bytes = max_bytes
        self._answers = answers
        self._failures = 0  # since anything succeeded, or the database was away
        self._slow: dict[int, None] = {}  # sequences that failed alone while others succeed
        self._stop = asyncio.Event()
        self._loops = 0
        self._teller: asyncio.Task[None] | None = None

    async def run(self, pull: Pull, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set, finishing the batch in hand."""
        self._stop = stop
        failures = 0
        async with pull.open(), self._telling():
            while not stop.is_set():
                messages = await _unless(stop, pull.fetch(_FETCH_WAIT_SECONDS))
                if not messages:
                    continue
                came_at = _now()
                if await self._take(messages):
                    failures = 0
                    if not _more_wait(messages):
                        await pause(came_at + self._gather_seconds - _now(), stop)
                else:
                    failures += 1
                    await pause(self._delay_seconds(failures), stop)

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Tell the broker which messages are in progress, while the context is open."""
        self._loops += 1
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            self._loops -= 1
            if not self._loops:
                teller, self._teller = self._teller, None
                teller.cancel()
                await asyncio.wait([teller])

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            for message in list(self._in_hand.values()):
                with suppress(NatsError):  # the connection's own watchers report it
                    await message.in_progress()

    async def _take(self, messages: Sequence[Msg]) -> bool:
        """Handle the fetched messages; each that may end the process is handled apart."""
        if self._failures > _MAX_FAILURES:  # all that failed was returned, and is tried again
            self._failures = 0
        for message in messages:
            self._in_hand[id(message)] = message
        suspicious = [message for message in messages if self._is_suspicious(message)]
        others = [message for message in messages if not self._is_suspicious(message)]
        try:
            outcomes = []
            for batch in list(self._batches(others)):  # before any of them is found to be slow
                is_large = sum(map(_weight, batch)) > self._max_bytes
                async with self._gate.alone() if is_large else self._gate.shared():
                    outcomes.append(await self._process(batch))
            for message in suspicious:
                async with self._gate.alone():
                    outcomes.append(await self._process_alone(message))
            return all(outcomes)
        finally:
            for message in messages:
                self._in_hand.pop(id(message), None)

    def _batches(self, messages: Sequence[Msg]) -> Iterator[Sequence[Msg]]:
        """Cut messages into batches of bounded unpacked size; slow ones are last and alone."""
        batch: list[Msg] = []
        room = self._max_bytes
        for message in messages:
            if _sequence(message) in self._slow:
                continue
            if batch and _weight(message) > room:
                yield batch
                batch, room = [], self._max_bytes
            batch.append(message)
            room -= _weight(message)
        if batch:
            yield batch
        yield from ([message] for message in messages if _sequence(message) in self._slow)

    def _is_suspicious(self, message: Msg) -> bool:
        deliveries = _deliveries(message)
        if deliveries < _SUSPICIOUS_DELIVERIES:
            return False
        return self._given_back.get(_sequence(message)) != deliveries - 1

    async def _process_alone(self, message: Msg) -> bool:
        """Open a message that may end the process, or keep it unopened if it has ended enough."""
        message_id = _id_of(message)
        try:
            deaths = await self._work.attempts.begin(message_id) - self._outlived[message_id]
        except Unavailable as error:
            _log.warning("batch given back", messages=1, error=str(error))
            self._outlived[message_id] += 1  # the mark may be set nevertheless
            await self._nak(message)  # unopened, so it stays as suspicious
            return False
        if deaths >= _MAX_DEATHS:
            why = f"{deaths} processes ended while they handled it; it was not opened again"
            settled = await self._set_aside(message, why)
        else:
            settled = await self._process([message])
        try:
            await self._work.attempts.end(message_id)
        except Unavailable:
            self._outlived[message_id] += 1
        else:
            del self._outlived[message_id]
        return settled

    async def _process(self, messages: Sequence[Msg]) -> bool:
        """Handle a batch; returns whether its messages were settled for good."""
        is_handled = False
        items: list[Item] = []
        try:
            await self._handle(messages, items)
            is_handled = True
            await self._keep(messages)
        except Unavailable as error:
            if not is_handled and await self._is_too_much(messages):
                return await self._halve(messages)
            _log.warning("batch given back", error=str(error), **self._named(messages, items))
            await self._nack(messages)
            return False
        except Exception:  # noqa: BLE001 - whatever it is, every message is settled
            _log.exception("batch failed", **self._named(messages, items))
            for message in messages:
                self._crashed_at.setdefault(_sequence(message), _now())
            return await self._isolate(messages)
        self._succeeded_at = _now()
        self._failures = 0
        for message in messages:
            await self._settle(message)
        return True

    async def _is_too_much(self, messages: Sequence[Msg]) -> bool:
        """Return whether a batch that fails again may succeed in parts: the database answers."""
        if self._answers is None or all(_deliveries(message) == 1 for message in messages):
            return False
        try:
            await self._answers()
        except Unavailable:
            self._failures = 0
            return False
        self._failures += 1
        if self._failures > _MAX_FAILURES:
            return False
        if len(messages) == 1:
            self._note_slow(messages[0])
        return len(messages) > 1 and not self._stop.is_set()

    async def _halve(self, messages: Sequence[Msg]) -> bool:
        """Try both halves, until a slow or too large message is alone; the others go on."""
        _log.warning("batch halved", messages=len(messages))
        return all([await self._process(half) for half in halves(messages)])

    def _note_slow(self, message: Msg) -> None:
        self._slow[_sequence(message)] = None
        if len(self._slow) > _REMEMBERED:
            del self._slow[next(iter(self._slow))]

    async def _settle(self, message: Msg) -> None:
        sequence = _sequence(message)
        self._crashed_at.pop(sequence, None)
        self._given_back.pop(sequence, None)
        self._slow.pop(sequence, None)
        self._in_hand.pop(id(message), None)
        await message.ack()

    def _named(self, messages: Sequence[Msg], items: Sequence[Item]) -> dict[str, Any]:
        """Describe a batch for the log: its size, and the requests in it as far as it was read."""
        requests = self._work.requests(items)
        return {"messages": len(messages), "correlation_ids": requests[:_MOST_NAMED]}

    async def _handle(self, messages: Sequence[Msg], items: list[Item]) -> None:
        """Read a batch into ``items``, and have them handled."""
        self._metrics.redelivered.inc(sum(_deliveries(message) > 1 for message in messages))
        for message in messages:
            try:
                items += self._work.decode(message.data, message.headers, _delivery(message))
            except UnreadableEnvelope as error:
                await self._dead_letter(message, str(error))
            await asyncio.sleep(0)
        if items:
            started = time.monotonic()
            await self._work.handle(items)
            self._metrics.commit_seconds.observe(time.monotonic() - started)

    async def _isolate(self, messages: Sequence[Msg]) -> bool:
        """Find the message of a batch that crashes the handler."""
        if len(messages) > 1:
            return all([await self._process([message]) for message in messages])
        message = messages[0]
        others_succeeded = self._succeeded_at > self._crashed_at[_sequence(message)]
        if _deliveries(message) < _MAX_CRASHES or not others_succeeded:
            await self._nack(messages)
            return False
        return await self._set_aside(message, "the handler crashes on it")

    async def _set_aside(self, message: Msg, why: str) -> bool:
        """Keep a message as a dead letter by its bytes alone; returns whether that was done."""
        try:
            await self._dead_letter(message, why)
            await self._keep([message])
        except Exception:  # noqa: BLE001 - the loop goes on, and so does the message
            _log.exception("dead letter not kept")
            await self._nack([message])
            return False
        await self._settle(message)
        return True

    async def _nack(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            self._note_outlived(message)
            await self._nak(message)

    async def _nak(self, message: Msg) -> None:
        self._metrics.retried.inc()
        self._in_hand.pop(id(message), None)
        await message.nak(delay=self._delay_seconds(_deliveries(message)))

    def _note_outlived(self, message: Msg) -> None:
        """Record that this process survived a message that it had in hand."""
        self._given_back.pop(_sequence(message), None)
        self._given_back[_sequence(message)] = _deliveries(message)
        if len(self._given_back) > _REMEMBERED:
            del self._given_back[next(iter(self._given_back))]

    def _delay_seconds(self, times: int) -> float:
        return float(min(self._first_delay_seconds * 2 ** min(times - 1, 10), _MAX_DELAY_SECONDS))

    async def _dead_letter(self, message: Msg, why: str) -> None:
        came_at = message.metadata.timestamp or datetime.now(UTC)
        letter = unreadable(self._work.source, message.data, why, came_at=came_at)
        await self._work.dead_letter(letter, message.headers)


class Gate:
    """Lets any number of a process's batches be in hand, or one message alone."""

    def __init__(self) -> None:
        self._entering = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Condition()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Be in hand together with others."""
        async with self._entering:
            self._inside += 1
        try:
            yield
        finally:
            async with self._empty:
                self._inside -= 1
                self._empty.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nothing is in hand, and let nothing begin meanwhile."""
        async with self._entering:
            async with self._empty:
                await self._empty.wait_for(lambda: not self._inside)
            yield


def _id_of(message: Msg) -> bytes:
    """Identify a message beyond this process: by its id, or by its sequence if it has none."""
    try:
        return UUID((message.headers or {}).get(MESSAGE_ID, "")).bytes
    except ValueError:
        return derive_key(f"{message.subject}\0{_sequence(message)}".encode())


def _now() -> float:
    """Return the loop's time, by which it also waits: a simulation has a loop of its own."""
    return asyncio.get_running_loop().time()


def _sequence(message: Msg) -> int:
    return int(message.metadata.sequence.stream)


def _weight(message: Msg) -> int:
    return most_bytes_of(message.data)


def _deliveries(message: Msg) -> int:
    return int(message.metadata.num_delivered or 1)


def _delivery(message: Msg) -> Delivery:
    times = _deliveries(message)
    first = replayed_delivery(message.headers, times)
    return first or Delivery(message.metadata.timestamp, _sequence(message), times)


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
