"""Wait until nothing waits on the broker any more."""

import asyncio
from contextlib import suppress

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

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
    client = Client()
    with suppress(TimeoutError, NatsError, OSError):  # a broker that is gone has nothing to drain
        async with asyncio.timeout(seconds):
            await client.connect(nats_url, error_cb=_say_nothing)
            while waiting := await _messages(client.jetstream()):
                if impatient.is_set():
                    break
                await asyncio.sleep(_POLL_SECONDS)
    await client.close()
    return waiting


async def _say_nothing(_error: Exception) -> None:
    """Leave it to the supervisor to tell of a broker that does not answer."""


async def _messages(jetstream: JetStreamContext) -> int:
    return sum(stream.state.messages for stream in await jetstream.streams_info())
