"""Common parts of the tests on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from runtime.bus.settling import keep_nothing
from runtime.bus.work import MessageHandler
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.consumer import Consumer
from runtime.jetstream.kept import Keep
from runtime.jetstream.pull import Pull
from runtime.jetstream.streams import Durable, ensure_consumer, ensure_streams
from runtime.local.supervisor.drain import unsettled
from runtime.settings import BrokerSettings
from runtime.telemetry.metrics import ConsumerMetrics

ACK_WAIT_SECONDS = 60.0
"""Longer than any test: a redelivered message was returned."""

_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.02


async def eventually(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Return when a condition holds; fail long after it should."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def a_broker(url: str, **settings: Any) -> AsyncIterator[Broker]:
    """Hold a connection to a broker that has the streams."""
    async with connected(url, "test", 10) as broker:
        await ensure_streams(broker.jetstream, BrokerSettings(nats_url=url, **settings))
        yield broker


def a_pull(broker: Broker, durable: Durable, **bounds: Any) -> Pull:
    """Create the pull of one replica."""
    return Pull(broker.client, durable, **{"max_messages": 64, "max_bytes": 1024**2} | bounds)


@asynccontextmanager
async def consuming(
    broker: Broker,
    durable: Durable,
    work: MessageHandler[Any],
    *,
    metrics: ConsumerMetrics | None = None,
    first_delay_seconds: float = 0.5,
    gather_seconds: float = 0.0,
    keep: Keep = keep_nothing,
    batch_bytes: int = 1024**2,
    answers: Callable[[], Awaitable[None]] | None = None,
    **bounds: Any,
) -> AsyncIterator[None]:
    """Run a consumer's loop while the context is open."""
    await ensure_consumer(broker.jetstream, durable, ACK_WAIT_SECONDS)
    stop = asyncio.Event()
    consumer = Consumer(
        work,
        metrics or ConsumerMetrics(CollectorRegistry(), durable.name),
        first_delay_seconds=first_delay_seconds,
        gather_seconds=gather_seconds,
        keep=keep,
        max_bytes=batch_bytes,
        answers=answers,
    )
    running = asyncio.create_task(consumer.run(a_pull(broker, durable, **bounds), stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def waiting(broker: Broker, durable: Durable) -> int:
    """Count the messages that are not acknowledged."""
    info = await broker.jetstream.consumer_info(durable.stream, durable.name)
    return await unsettled(broker.jetstream, info)
