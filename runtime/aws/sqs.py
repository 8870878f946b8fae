"""SQS on Lambda: a batch of records in, the ids to be delivered again out."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic

import structlog
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.messages import Delivery
from runtime.aws.embedded_metrics import EmbeddedMetrics
from runtime.aws.messages import Message, read_message
from runtime.aws.process import Context, Process
from runtime.bus.envelopes import UnreadableEnvelope
from runtime.bus.work import Item, MessageHandler, unreadable
from runtime.telemetry import logs
from runtime.telemetry.metrics import ConsumerMetrics

_log = structlog.get_logger()

Event = Mapping[str, Any]
Response = dict[str, Any]

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class QueueUnit(Generic[Item]):
    """A function behind a queue, bound and ready.

    Attributes:
        work: Handles its messages.
        renew: Replaces connections that have been idle for long.
        tidy: Runs at intervals after a batch; raises ``Unavailable``.
    """

    work: MessageHandler[Item]
    renew: Callable[[], Awaitable[None]]
    tidy: Callable[[], Awaitable[None]]


class QueueFunction(Generic[Item]):
    """Settles the batches of one function; Lambda calls it.

    A record is settled once: not listed if its items are committed or it is kept as a
    dead letter, listed in every other case. The queue's redrive policy decides when a
    record that is always listed is set aside.

    Args:
        hold: Opens its dependencies.
        registry: Where everything is counted.
        metrics: The consumer's metrics in it.
    """

    def __init__(
        self,
        hold: Callable[[], AbstractAsyncContextManager[QueueUnit[Item]]],
        registry: CollectorRegistry,
        metrics: ConsumerMetrics,
    ) -> None:
        self._process = Process(hold, lambda unit: unit.renew())
        self._embedded = EmbeddedMetrics(registry)
        self._metrics = metrics

    def __call__(self, event: Event, context: Context) -> Response:
        """Settle a batch; raises only if it is malformed, and then all of it is delivered again."""
        logs.correlation_id.set(context.aws_request_id)
        left = {record["messageId"]: _Record(record) for record in event["Records"]}
        self._metrics.redelivered.inc(sum(record.times > 1 for record in left.values()))
        batch: _Batch[Item] = _Batch(left, self._metrics)
        try:
            self._process.invoke(batch.settle, context)
        except Unavailable as error:
            _log.warning("records given back", records=len(left), error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, what is left is listed
            _log.exception("records given back", records=len(left))
        self._metrics.retried.inc(len(left))
        self._embedded.flush()
        return {"batchItemFailures": [{"itemIdentifier": record} for record in left]}

    def close(self) -> None:
        """Close its resources; for a process that runs several."""
        self._process.close()


class _Record:
    """One record of SQS."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        told = record.get("attributes", {})
        self.times = int(told.get("ApproximateReceiveCount", 1))
        self.sent_at = datetime.fromtimestamp(
            int(told.get("SentTimestamp", time.time() * _MILLISECONDS)) / _MILLISECONDS, UTC
        )
        self.headers: dict[str, str] = {
            name: attribute.get("stringValue") or ""
            for name, attribute in record.get("messageAttributes", {}).items()
        }
        self.body = str(record.get("body", ""))

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.sent_at, None, self.times)


class _Batch(Generic[Item]):
    """The records in hand; a settled one leaves ``left`` at once."""

    def __init__(self, left: dict[str, _Record], metrics: ConsumerMetrics) -> None:
        self._left = left
        self._metrics = metrics

    async def settle(self, unit: QueueUnit[Item]) -> None:
        """Settle all, or as many as possible.

        Raises:
            Unavailable: Something they need can't be reached now.
        """
        items: dict[str, Sequence[Item]] = {}
        for name, record in list(self._left.items()):
            with self._listed(name):
                await self._read(name, record, unit.work, items)
        try:
            await self._handle(items, unit.work)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - each has its own chance
            _log.exception("batch failed", records=len(items))
            await self._isolate(items, unit.work)
        await unit.tidy()

    async def _read(
        self,
        name: str,
        record: _Record,
        work: MessageHandler[Item],
        items: dict[str, Sequence[Item]],
    ) -> None:
        """Read a record, or keep it as a dead letter."""
        data = record.body.encode(errors="surrogatepass")
        try:
            data = read_message(Message(record.body, record.headers))
            items[name] = work.decode(data, record.headers, record.delivery)
        except UnreadableEnvelope as error:
            letter = unreadable(work.source, data, str(error), came_at=record.sent_at)
            await work.dead_letter(letter, record.headers)
            del self._left[name]

    async def _handle(
        self, items: Mapping[str, Sequence[Item]], work: MessageHandler[Item]
    ) -> None:
        if items:
            started = time.monotonic()
            await work.handle([item for own in items.values() for item in own])
            self._metrics.commit_seconds.observe(time.monotonic() - started)
        for name in items:
            del self._left[name]

    async def _isolate(
        self, items: Mapping[str, Sequence[Item]], work: MessageHandler[Item]
    ) -> None:
        """Handle each record alone, so that one that crashes the handler delays no other."""
        for name, own in items.items() if len(items) > 1 else ():
            with self._listed(name):
                await self._handle({name: own}, work)

    @contextmanager
    def _listed(self, name: str) -> Iterator[None]:
        """Let a record that crashes the handler be listed, and continue with the others."""
        try:
            yield
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it may come again
            _log.exception("record failed", record=name)
