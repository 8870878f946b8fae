"""Wait until nothing waits on the broker any more."""

import asyncio
from contextlib import suppress

import nats
from nats.errors import Error as NatsError

_POLL_SECONDS = 0.2


async def wait_until_drained(nats_url: str, *, seconds: float, impatient: asyncio.Event) -> int:
    """Wait until every stream is empty: what was acknowledged is gone from a work queue.

    Args:
        nats_url: The broker.
        seconds: How long to wait at most.
        impatient: Set when somebody will wait no longer.

    Returns:
        How many messages still wait; they are on the broker's disk.
    """
    waiting = 0
    with suppress(TimeoutError, NatsError, OSError):  # a broker that is gone has nothing to drain
        client = await nats.connect(nats_url, allow_reconnect=False)
        try:
            async with asyncio.timeout(seconds):
                while waiting := await _messages(client.jetstream()):
                    if impatient.is_set():
                        break
                    await asyncio.sleep(_POLL_SECONDS)
        finally:
            await client.close()
    return waiting


async def _messages(jetstream: nats.js.JetStreamContext) -> int:
    return sum(stream.state.messages for stream in await jetstream.streams_info())
