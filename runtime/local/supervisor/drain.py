"""Wait until the broker has no backlog."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamInfo
from nats.js.errors import NotFoundError

from runtime.jetstream.client import SafeClient
from runtime.jetstream.streams import KEPT

_POLL_SECONDS = 0.2


async def wait_until_drained(
    nats_url: str,
    *,
    seconds: float,
    impatient: asyncio.Event,
    streams: Collection[str] = (),
) -> int:
    """Wait until all consumers have acknowledged everything.

    Args:
        nats_url: The broker; one or more URLs, separated by commas.
        seconds: How long to wait at most.
        impatient: Set to stop waiting.
        streams: Which ones; all of the broker's if empty.

    Returns:
        How many messages still wait; they are on the broker's disk.
    """
    waiting = 0
    client = SafeClient()
    with suppress(TimeoutError, NatsError, OSError):  # a broker that is gone has nothing to drain
        async with asyncio.timeout(seconds):
            await client.connect(nats_url.split(","), error_cb=_say_nothing)
            while waiting := await unacknowledged(client.jetstream(), streams):
                if impatient.is_set():
                    break
                await asyncio.sleep(_POLL_SECONDS)
    await client.close()
    return waiting


async def _say_nothing(_error: Exception) -> None:
    """Leave it to the supervisor to report a broker that does not answer."""


async def unacknowledged(jetstream: JetStreamContext, only: Collection[str] = ()) -> int:
    """Count the unacknowledged messages of all streams, or of some.

    While a cluster elects leaders its lists leave out streams without one: that
    counts as waiting.
    """
    streams = await jetstream.streams_info()
    unlisted = max(0, (await jetstream.account_info()).streams - len(streams))
    wanted = [each for each in streams if not only or each.config.name in only]
    return unlisted + sum([await _waiting_in(jetstream, each) for each in wanted])


async def _waiting_in(jetstream: JetStreamContext, stream: StreamInfo) -> int:
    """Count a stream's unacknowledged messages; all of them if it never had a consumer.

    Kept settled messages wait for nobody. The stream's own count is not used: a
    broker whose disk was full may keep an acknowledged message, because it could
    not write its removal.
    """
    if stream.config.name == KEPT:
        return 0
    consumers = await jetstream.consumers_info(str(stream.config.name))
    if not consumers:
        return stream.state.messages
    if len(consumers) < stream.state.consumer_count:
        return max(1, stream.state.messages)
    return sum([await unsettled(jetstream, each) for each in consumers])


async def unsettled(jetstream: JetStreamContext, consumer: ConsumerInfo) -> int:
    """Count the messages that a consumer has not acknowledged yet.

    The broker acknowledges a publish before it counts it as pending for a consumer. So
    if nothing is pending, the newest message must have been delivered as well; if it has
    not, it counts as one.

    Args:
        jetstream: The broker.
        consumer: The broker's information about the consumer.
    """
    if counted := (consumer.num_pending or 0) + (consumer.num_ack_pending or 0):
        return counted
    subject = consumer.config.filter_subject or ">"
    try:
        newest = await jetstream.get_last_msg(consumer.stream_name, subject)
    except NotFoundError:
        return 0
    delivered = consumer.delivered.stream_seq if consumer.delivered else 0
    return int((newest.seq or 0) > delivered)
