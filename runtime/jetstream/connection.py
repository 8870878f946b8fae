"""The connection to the broker: never given up, and quick to notice a dead peer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from functions.errors import Unavailable
from runtime.envelopes import MAX_MESSAGE_BYTES

_log = structlog.get_logger()

_PING_SECONDS = 5
_PINGS_UNANSWERED = 2
_RECONNECT_SECONDS = 0.25  # the client says int, and sleeps any number
_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 0.8


class Broker:
    """A connection to NATS with JetStream.

    Attributes:
        client: The NATS client.
        jetstream: Its JetStream context.
        disconnected_since: When the connection was lost, in the loop's time; None while it stands.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self.client = Client()
        self.jetstream: JetStreamContext = self.client.jetstream()
        self.disconnected_since: float | None = None

    async def connect(self, timeout_seconds: float) -> None:
        """Connect, trying again until the broker answers.

        Raises:
            Unavailable: It did not within the time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.client.connect(
                    servers=self._url.split(","),
                    name=self._name,
                    inbox_prefix=f"_INBOX_{self._name}",  # which users of the broker keep apart
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type]
                    connect_timeout=_CONNECT_SECONDS,
                    ping_interval=_PING_SECONDS,
                    max_outstanding_pings=_PINGS_UNANSWERED,
                    pending_size=2 * MAX_MESSAGE_BYTES,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnect,
                    reconnected_cb=self._on_reconnect,
                )
        except TimeoutError as error:
            raise Unavailable(f"the broker did not answer in {timeout_seconds:g} s") from error

    def seconds_disconnected(self) -> float:
        """Tell how long the broker has been out of reach; 0 while it is not."""
        if self.disconnected_since is None:
            return 0.0
        return time.monotonic() - self.disconnected_since

    async def check_stream(self, stream: str) -> None:
        """Ask whether a stream answers.

        Raises:
            Unavailable: It does not, within a second.
        """
        if not self.client.is_connected:
            raise Unavailable("not connected")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.jetstream.stream_info(stream)
        except (NatsError, TimeoutError) as error:
            raise Unavailable(f"stream {stream} does not answer: {error!r}") from error

    async def close(self) -> None:
        """Send what is buffered, and close."""
        if self.client.is_connected:
            await self.client.flush()
        await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        _log.warning("broker error", error=repr(error))

    async def _on_disconnect(self) -> None:
        if self.disconnected_since is None and not self.client.is_closed:
            self.disconnected_since = time.monotonic()
            _log.warning("broker connection lost")

    async def _on_reconnect(self) -> None:
        self.disconnected_since = None
        _log.info("broker connection restored")


@asynccontextmanager
async def connected(url: str, name: str, timeout_seconds: float) -> AsyncIterator[Broker]:
    """Hold a connection to the broker while the context is open.

    Args:
        url: One or more ``nats://`` URLs, separated by commas.
        name: Shown in the broker's monitoring.
        timeout_seconds: How long to try at first.

    Raises:
        Unavailable: The broker did not answer within the time.
    """
    broker = Broker(url, name)
    await broker.connect(timeout_seconds)
    try:
        yield broker
    finally:
        await broker.close()
