"""How far a consumer is behind."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from nats.errors import Error as NatsError

from runtime.jetstream.connection import Broker
from runtime.jetstream.streams import Consumer
from runtime.metrics import ConsumerMetrics

_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 2.0


async def watch_backlog(
    broker: Broker, consumer: Consumer, metrics: ConsumerMetrics, stop: asyncio.Event
) -> None:
    """Measure a consumer's backlog every few seconds until ``stop`` is set."""
    while not stop.is_set():
        with suppress(NatsError, TimeoutError):  # readiness says that the broker is away
            await _measure(broker, consumer, metrics)
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_SECONDS):
                await stop.wait()


async def _measure(broker: Broker, consumer: Consumer, metrics: ConsumerMetrics) -> None:
    info = await broker.jetstream.consumer_info(consumer.stream, consumer.name)
    backlog = (info.num_pending or 0) + (info.num_ack_pending or 0)
    metrics.backlog.set(backlog)
    metrics.oldest_seconds.set(await _oldest_seconds(broker, consumer) if backlog else 0)


async def _oldest_seconds(broker: Broker, consumer: Consumer) -> float:
    """Ask for the first message: a work queue has only those that are not acknowledged."""
    answer = await broker.client.request(
        f"$JS.API.STREAM.MSG.GET.{consumer.stream}",
        json.dumps({"seq": 1, "next_by_subj": consumer.subject}).encode(),
        timeout=_ANSWER_SECONDS,
    )
    message: dict[str, Any] = json.loads(answer.data).get("message", {})
    if "time" not in message:
        return 0.0
    return (datetime.now(UTC) - datetime.fromisoformat(message["time"])).total_seconds()
