"""Fetch from a durable pull consumer: everything available up to a limit, without waiting for more.

The client library's own ``fetch`` has no limit in bytes, and waits for a full batch.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from runtime.jetstream.streams import Durable

_NANOSECONDS = 1_000_000_000
_ANSWER_SECONDS = 1.0
_NO_RESPONDERS = "503"
"""Status of a request without a receiver: the consumer, its stream or JetStream is missing."""


async def _wait_for_consumer() -> None:
    """Leave a missing consumer to others, and wait before asking for it again."""
    await asyncio.sleep(_ANSWER_SECONDS)


class Pull:
    """Pulls messages of one consumer; one fetch at a time.

    Args:
        client: The connection.
        consumer: The consumer.
        max_messages: Maximum messages of one fetch.
        max_bytes: Maximum bytes of one fetch, unless one message alone has more.
        on_missing: Waits, or makes the consumer again, when the broker does not have it.
    """

    def __init__(
        self,
        client: Client,
        consumer: Durable,
        *,
        max_messages: int,
        max_bytes: int,
        on_missing: Callable[[], Awaitable[None]] = _wait_for_consumer,
    ) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}"
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._on_missing = on_missing
        self._inbox = client.new_inbox()
        self._tokens = count()
        self._received: asyncio.Queue[Msg] = asyncio.Queue()
        self._unseen: list[Msg] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Receive while the context is open."""
        subscription = await self._client.subscribe(
            f"{self._inbox}.*", cb=self._receive, pending_msgs_limit=0, pending_bytes_limit=0
        )  # no limits: no more arrives than was requested
        try:
            yield
        finally:
            with suppress(NatsError, TimeoutError):  # the connection is gone
                async with asyncio.timeout(_ANSWER_SECONDS):
                    # Also receives messages that are in flight.
                    await subscription.drain()  # type: ignore[no-untyped-call]
                await self._return_unseen()

    async def fetch(self, wait_seconds: float) -> list[Msg]:
        """Fetch the available messages; if there are none, wait for a first one.

        Returns:
            Messages in the broker's order; empty if none came in time.
        """
        at_once = {"batch": self._max_messages, "max_bytes": self._max_bytes, "no_wait": True}
        messages = await self._request(at_once, _ANSWER_SECONDS)
        if messages:
            return messages
        first = {"batch": 1, "expires": int(wait_seconds * _NANOSECONDS)}
        return await self._request(first, wait_seconds + _ANSWER_SECONDS)

    async def _request(self, request: dict[str, Any], timeout_seconds: float) -> list[Msg]:
        reply = f"{self._inbox}.{next(self._tokens)}"
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=reply)
        messages: list[Msg] = []
        is_missing = False
        try:
            async with asyncio.timeout(timeout_seconds):
                while len(messages) < request["batch"]:
                    message = await self._received.get()
                    if message.reply:
                        messages.append(message)  # whichever request it answers
                    elif message.subject == reply:
                        is_missing = (message.headers or {}).get("Status") == _NO_RESPONDERS
                        break  # a status: there are no more, or the next is too large
        except TimeoutError:
            pass  # the request or its end was lost; the messages received are valid
        except asyncio.CancelledError:
            self._unseen += messages
            raise
        if is_missing:
            await self._on_missing()
        return messages

    async def _receive(self, message: Msg) -> None:
        self._received.put_nowait(message)

    async def _return_unseen(self) -> None:
        """Return messages that arrived unhandled, so that they need not time out first."""
        while not self._received.empty():
            self._unseen.append(self._received.get_nowait())
        for message in self._unseen:
            if message.reply:
                await message.nak()
