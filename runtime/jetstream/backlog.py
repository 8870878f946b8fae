"""Measure a consumer's backlog."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError

from functions.errors import Unavailable
from functions.messages import Backlog
from runtime.jetstream.api import ask_broker
from runtime.jetstream.connection import Broker
from runtime.jetstream.streams import Durable
from runtime.loops import every
from runtime.telemetry.metrics import ConsumerMetrics

_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 2.0

Note = Callable[[Backlog], Awaitable[None]]
"""Stores a measurement; raises ``Unavailable`` when it can't now."""


async def watch_backlog(
    broker: Broker, consumer: Durable, metrics: ConsumerMetrics, note: Note, stop: asyncio.Event
) -> None:
    """Measure a consumer's backlog every few seconds until ``stop`` is set."""
    async for _ in every(_EVERY_SECONDS, stop):
        # Readiness reports that the broker or the database is away.
        with suppress(NatsError, TimeoutError, Unavailable):
            backlog = await measure(broker, consumer)
            metrics.backlog.set(backlog.messages)
            metrics.oldest_seconds.set(backlog.oldest_seconds)
            await note(backlog)


async def measure(broker: Broker, consumer: Durable) -> Backlog:
    """Measure a consumer's backlog.

    The end of the stream is read before its first message, so a message that arrives
    in between does not count. Both times are the broker's, so that an age is right
    whatever this process's clock says.

    Raises:
        NatsError: It has no such consumer, or does not answer; with TimeoutError.
    """
    stream, measured_at = await broker.ask_stream(consumer.stream)
    info = await broker.jetstream.consumer_info(consumer.stream, consumer.name)
    settled = info.ack_floor.stream_seq if info.ack_floor else 0
    oldest = await _oldest(broker, consumer, settled + 1)
    return Backlog(
        consumer=consumer.name,
        measured_at=measured_at,
        messages=(info.num_pending or 0) + (info.num_ack_pending or 0),
        oldest_at=datetime.fromisoformat(oldest["time"]) if oldest else None,
        first_sequence=int(oldest["seq"]) if oldest else stream["state"]["last_seq"] + 1,
    )


async def _oldest(broker: Broker, consumer: Durable, sequence: int) -> dict[str, Any] | None:
    """Ask for the first message from a sequence on.

    A work queue only holds messages that are not acknowledged; but a broker whose disk
    was full may keep an acknowledged one, because it could not write its removal.
    """
    wanted = {"seq": sequence, "next_by_subj": consumer.subject}
    found = await ask_broker(
        broker.client, f"STREAM.MSG.GET.{consumer.stream}", wanted, _ANSWER_SECONDS
    )
    return found and found["message"]
