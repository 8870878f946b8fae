"""SQS on Lambda: a batch of records in, the ids to be delivered again out."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic

import structlog
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.messages import Delivery
from runtime.aws.embedded_metrics import EmbeddedMetrics
from runtime.aws.messages import SqsMessage, read_message
from runtime.aws.process import Context, Process
from runtime.bus.settling import Settling
from runtime.bus.work import Item, MessageHandler
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
        left = {record["messageId"]: SqsRecord(record) for record in event["Records"]}
        batch: _InHand[Item] = _InHand(left, self._metrics)
        try:
            self._process.invoke(batch.settle, context)
        except Unavailable as error:
            _log.warning("records returned", records=len(left), error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, what is left is listed
            _log.exception("records returned", records=len(left))
        self._metrics.retried.inc(len(left))
        self._embedded.flush()
        return {"batchItemFailures": [{"itemIdentifier": record} for record in left]}

    def close(self) -> None:
        """Close its resources; for a process that runs several."""
        self._process.close()


class SqsRecord:
    """One record of SQS; see ``Message``.

    Attributes:
        key: Its id.
        data: Its text as bytes; what was published, once that was read.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        attributes = record.get("attributes", {})
        self.key = str(record["messageId"])
        self.times = int(attributes.get("ApproximateReceiveCount", 1))
        self.came_at = datetime.fromtimestamp(
            int(attributes.get("SentTimestamp", time.time() * _MILLISECONDS)) / _MILLISECONDS, UTC
        )
        self.delivery = Delivery(self.came_at, None, self.times)
        self.headers: dict[str, str] = {
            name: attribute.get("stringValue") or ""
            for name, attribute in record.get("messageAttributes", {}).items()
        }
        self._body = str(record.get("body", ""))
        self.data = self._body.encode(errors="surrogatepass")

    def read(self) -> bytes:
        """Return the bytes that were sent; see ``Message``."""
        self.data = read_message(SqsMessage(self._body, self.headers))
        return self.data


class _InHand(Generic[Item]):
    """The records in hand; a settled one leaves ``left`` at once."""

    def __init__(self, left: dict[str, SqsRecord], metrics: ConsumerMetrics) -> None:
        self._left = left
        self._metrics = metrics

    async def settle(self, unit: QueueUnit[Item]) -> None:
        """Settle all, or as many as possible.

        Raises:
            Unavailable: Something they need can't be reached now.
        """
        settling: Settling[SqsRecord, Item] = Settling(
            unit.work, self._metrics, ack=self._ack, nack=_leave, max_crashes=math.inf
        )
        records = list(self._left.values())
        await settling.take(records)
        if len(self._left) < len(records):  # otherwise the store is probably away
            await unit.tidy()

    async def _ack(self, record: SqsRecord) -> None:
        del self._left[record.key]


async def _leave(_record: SqsRecord) -> None:
    """Leave a record among those that are listed: the queue's redrive policy sets it aside."""
