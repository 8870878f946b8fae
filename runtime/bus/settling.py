"""Settle messages: one policy for success, faults and outages, whatever the bus."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from functions.errors import Unavailable
from functions.events.keys import derive_key
from functions.halves import halves
from functions.messages import Delivery
from runtime.bus.envelopes import UnreadableEnvelope, most_bytes_of
from runtime.bus.gate import Gate
from runtime.bus.manifests import MESSAGE_ID, Headers
from runtime.bus.work import Attempts, Item, MessageHandler, unreadable
from runtime.telemetry.metrics import ConsumerMetrics

_log = structlog.get_logger()

MAX_BYTES: Final = 6 * 1024**2
"""Maximum unpacked size of a batch."""

MAX_CRASHES: Final = 5
"""Deliveries after which a message that still crashes the handler becomes a dead letter,
if others succeeded since its first crash: if nothing succeeds the fault is ours, and no
message is dead-lettered."""

_SUSPICIOUS_DELIVERIES: Final = 3
"""From this delivery on a message is opened with nothing else in progress, unless this process
itself returned it: it may have ended the other processes."""

_MAX_DEATHS: Final = 3
"""Processes that ended with such a message in hand before it is no longer opened: five,
together with the deliveries before."""

_MAX_FAILURES: Final = 20
"""Consecutive failures while halving failed batches, after which all messages are returned:
twice as many as it takes to find two slow messages among 64. If nothing succeeds, no
single message is at fault."""

_MOST_NAMED: Final = 100  # requests on one log line
_REMEMBERED: Final = 10_000
"""How many messages are remembered as returned, as slow, and as crashing."""

Value = TypeVar("Value")


class _Memory(dict[str, Value]):
    """Values by message; the oldest entry is forgotten when there are too many."""

    def note(self, key: str, value: Value) -> None:
        """Set an entry, as the newest one."""
        self.pop(key, None)
        self[key] = value
        if len(self) > _REMEMBERED:
            del self[next(iter(self))]


class Message(Protocol):
    """A delivered message; its bus delivers it again until it is acknowledged.

    Attributes:
        key: The same each time it is delivered, and no other message's.
        times: How often it was delivered, including this time.
        delivery: How it came, for its items.
        headers: Those that came with it.
        data: Its bytes, for its dead letter.
        came_at: When its bus received it, UTC.
    """

    @property
    def key(self) -> str: ...  # noqa: D102 - see above
    @property
    def times(self) -> int: ...  # noqa: D102
    @property
    def delivery(self) -> Delivery: ...  # noqa: D102
    @property
    def headers(self) -> Headers: ...  # noqa: D102
    @property
    def data(self) -> bytes: ...  # noqa: D102
    @property
    def came_at(self) -> datetime: ...  # noqa: D102

    def read(self) -> bytes:
        """Return the bytes that were published.

        Raises:
            UnreadableEnvelope: Its bus has damaged them.
        """


AnyMessage = TypeVar("AnyMessage", bound=Message)


async def keep_nothing(_: Sequence[Any]) -> None:
    """Keep no settled messages."""


class Settling(Generic[AnyMessage, Item]):
    """Settles the messages of one consumer.

    A message is settled once, after its items were handled: acknowledged when they are
    committed, returned when something is unavailable, kept as a dead letter when it is
    unreadable or crashes the handler again and again. A batch that fails is taken apart,
    so that one message delays no other.
    """

    def __init__(
        self,
        work: MessageHandler[Item],
        metrics: ConsumerMetrics,
        *,
        ack: Callable[[AnyMessage], Awaitable[None]],
        nack: Callable[[AnyMessage], Awaitable[None]],
        gate: Gate | None = None,
        max_bytes: int = MAX_BYTES,
        keep: Callable[[Sequence[AnyMessage]], Awaitable[None]] = keep_nothing,
        answers: Callable[[], Awaitable[None]] | None = None,
        max_crashes: float = MAX_CRASHES,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare; any number of batches may be in hand at once.

        Args:
            work: Handles messages.
            metrics: Where they are counted.
            ack: Acknowledges a message: it is not delivered again.
            nack: Returns a message: it is delivered again.
            gate: Shared with the other consumers of this process, if there are any: a
                message that may end it is opened while none of them has any in hand.
            max_bytes: Maximum unpacked size of a batch, unless one message alone may
                have more: then nothing else is in hand.
            keep: Keeps settled messages elsewhere, before they are acknowledged;
                raises ``Unavailable``.
            answers: Checks that the store of the items answers; raises ``Unavailable``.
                A batch that fails while it answers may itself be too large. None if
                failed batches are not halved.
            max_crashes: See ``MAX_CRASHES``; infinite if the bus sets such messages aside.
            is_stopping: Whether the process stops: then failed batches are not halved.
        """
        self._work = work
        self._metrics = metrics
        self._ack = ack
        self._nack = nack
        self._gate = gate or Gate()
        self._max_bytes = max_bytes
        self._keep = keep
        self._answers = answers
        self._max_crashes = max_crashes
        self._is_stopping = is_stopping
        self._succeeded_at = -math.inf
        self._crashed_at: _Memory[float] = _Memory()
        self._failures = 0  # since anything succeeded, or the store was away
        self._slow: _Memory[None] = _Memory()  # failed alone while others succeeded
        self._returned: _Memory[int] = _Memory()  # at which delivery
        self._outlived: Counter[bytes] = Counter()  # marks that are set, or may be

    async def take(self, messages: Sequence[AnyMessage]) -> bool:
        """Settle messages just delivered; each that may end the process is handled apart.

        Returns:
            Whether all of them were settled for good.
        """
        self._metrics.redelivered.inc(sum(message.times > 1 for message in messages))
        if self._failures > _MAX_FAILURES:  # all that failed was returned, and is tried again
            self._failures = 0
        attempts = self._work.attempts
        suspicious = [it for it in messages if attempts and self._is_suspicious(it)]
        others = [it for it in messages if not (attempts and self._is_suspicious(it))]
        outcomes = []
        for batch in list(self._batches(others)):  # before any of them is found to be slow
            is_large = sum(map(_weight, batch)) > self._max_bytes
            async with self._gate.alone() if is_large else self._gate.shared():
                outcomes.append(await self._settle(batch))
        if attempts:
            for message in suspicious:
                async with self._gate.alone():
                    outcomes.append(await self._settle_alone(message, attempts))
        return all(outcomes)

    def _batches(self, messages: Sequence[AnyMessage]) -> Iterator[Sequence[AnyMessage]]:
        """Cut messages into batches of bounded unpacked size; slow ones are last and alone."""
        batch: list[AnyMessage] = []
        room = self._max_bytes
        for message in messages:
            if message.key in self._slow:
                continue
            if batch and _weight(message) > room:
                yield batch
                batch, room = [], self._max_bytes
            batch.append(message)
            room -= _weight(message)
        if batch:
            yield batch
        yield from ([message] for message in messages if message.key in self._slow)

    def _is_suspicious(self, message: AnyMessage) -> bool:
        if message.times < _SUSPICIOUS_DELIVERIES:
            return False
        return self._returned.get(message.key) != message.times - 1

    async def _settle_alone(self, message: AnyMessage, attempts: Attempts) -> bool:
        """Open a message that may end the process, or keep it unopened if it has ended enough."""
        message_id = _id_of(message)
        try:
            deaths = await attempts.begin(message_id) - self._outlived[message_id]
        except Unavailable as error:
            _log.warning("batch returned", messages=1, error=str(error))
            self._outlived[message_id] += 1  # the mark may be set nevertheless
            await self._nack(message)  # unopened, so it stays as suspicious
            return False
        if deaths >= _MAX_DEATHS:
            why = f"{deaths} processes ended while handling it; it was not opened again"
            settled = await self._set_aside(message, why)
        else:
            settled = await self._settle([message])
        try:
            await attempts.end(message_id)
        except Unavailable:
            self._outlived[message_id] += 1
        else:
            del self._outlived[message_id]
        return settled

    async def _settle(self, messages: Sequence[AnyMessage]) -> bool:
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
            _log.warning("batch returned", error=str(error), **self._named(messages, items))
            await self._return(messages)
            return False
        except Exception:  # noqa: BLE001 - whatever it is, every message is settled
            _log.exception("batch failed", **self._named(messages, items))
            for message in messages:
                if message.key not in self._crashed_at:
                    self._crashed_at.note(message.key, _now())
            return await self._isolate(messages)
        self._succeeded_at = _now()
        self._failures = 0
        for message in messages:
            await self._acknowledge(message)
        return True

    async def _set_aside(self, message: AnyMessage, why: str) -> bool:
        """Keep a message as a dead letter by its bytes alone; returns whether that was done."""
        try:
            await self._dead_letter(message, why)
            await self._keep([message])
        except Exception:  # noqa: BLE001 - the loop goes on, and so does the message
            _log.exception("dead letter not kept")
            await self._return([message])
            return False
        await self._acknowledge(message)
        return True

    async def _handle(self, messages: Sequence[AnyMessage], items: list[Item]) -> None:
        """Read a batch into ``items``, and have them handled."""
        for message in messages:
            try:
                items += self._work.decode(message.read(), message.headers, message.delivery)
            except UnreadableEnvelope as error:
                await self._dead_letter(message, str(error))
            await asyncio.sleep(0)
        if items:
            started = time.monotonic()
            await self._work.handle(items)
            self._metrics.commit_seconds.observe(time.monotonic() - started)

    async def _is_too_much(self, messages: Sequence[AnyMessage]) -> bool:
        """Return whether a batch that fails again may succeed in parts: the store answers."""
        if self._answers is None or all(message.times == 1 for message in messages):
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
            self._slow.note(messages[0].key, None)
        return len(messages) > 1 and not self._is_stopping()

    async def _halve(self, messages: Sequence[AnyMessage]) -> bool:
        """Try both halves, until a slow or too large message is alone; the others go on."""
        _log.warning("batch halved", messages=len(messages))
        return all([await self._settle(half) for half in halves(messages)])

    async def _isolate(self, messages: Sequence[AnyMessage]) -> bool:
        """Find the message of a batch that crashes the handler."""
        if len(messages) > 1:
            return all([await self._settle([message]) for message in messages])
        message = messages[0]
        others_succeeded = self._succeeded_at > self._crashed_at[message.key]
        if message.times < self._max_crashes or not others_succeeded:
            await self._return(messages)
            return False
        return await self._set_aside(message, "the handler crashes on it")

    async def _acknowledge(self, message: AnyMessage) -> None:
        self._crashed_at.pop(message.key, None)
        self._slow.pop(message.key, None)
        self._returned.pop(message.key, None)
        await self._ack(message)

    async def _return(self, messages: Sequence[AnyMessage]) -> None:
        for message in messages:
            self._returned.note(message.key, message.times)  # this process has survived it
            await self._nack(message)

    async def _dead_letter(self, message: AnyMessage, why: str) -> None:
        letter = unreadable(self._work.source, message.data, why, came_at=message.came_at)
        await self._work.dead_letter(letter, message.headers)

    def _named(self, messages: Sequence[AnyMessage], items: Sequence[Item]) -> dict[str, Any]:
        """Describe a batch for the log: its size, and the requests in it as far as it was read."""
        requests = self._work.requests(items)
        return {"messages": len(messages), "correlation_ids": requests[:_MOST_NAMED]}


def _id_of(message: Message) -> bytes:
    """Identify a message beyond this process: by its id, or by its key if it has none."""
    try:
        return UUID((message.headers or {}).get(MESSAGE_ID, "")).bytes
    except ValueError:
        return derive_key(message.key.encode())


def _weight(message: Message) -> int:
    return most_bytes_of(message.data)


def _now() -> float:
    """Return the loop's time, by which it also waits: a simulation has its own loop."""
    return asyncio.get_running_loop().time()
