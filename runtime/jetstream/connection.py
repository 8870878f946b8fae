"""The connection to the broker: it always reconnects, and notices a dead peer quickly."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from functions.errors import Unavailable
from runtime.jetstream.api import demand
from runtime.jetstream.client import SafeClient, refusal_of
from runtime.telemetry.clocks import ServerClock
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason
from runtime.telemetry.safe_urls import shown

_log = structlog.get_logger()

_PING_SECONDS = 5
_PINGS_UNANSWERED = 2
_RECONNECT_SECONDS = 0.25  # the client declares int, but sleeps any number
_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 0.8
_STREAM_SECONDS = 5.0
_FLUSH_SECONDS = 10
_FLUSH_NOW_SECONDS = 1
_PENDING_BYTES = 64 * 1024**2  # bytes waiting for the socket; the gateway has fewer in hand


class Broker:
    """A connection to NATS with JetStream.

    Attributes:
        url: Where it connects, including secrets.
        client: The NATS client.
        jetstream: Its JetStream context.
        clock: How far the broker's clock is from this process's.
        disconnected_since: When the connection was lost, in the loop's time; None while it is up.
        refusals: Why servers refuse it, by their address; empty while it is connected.

    Args:
        url: One or more URLs, separated by commas.
        name: Shown in the broker's monitoring.
        patient: Whether an unreachable server is tried again, and logged;
            otherwise each is tried once, and the error says why it failed.
    """

    def __init__(self, url: str, name: str, *, patient: bool = True) -> None:
        self.url = url
        self._name = name
        self._patient = patient
        self._failures: dict[str, str] = {}
        self.client = SafeClient()
        self.jetstream: JetStreamContext = self.client.jetstream()
        self.clock = ServerClock("broker")
        self.disconnected_since: float | None = None
        self.refusals: dict[str, str] = {}
        self._refused = asyncio.Event()

    async def connect(self, timeout_seconds: float) -> None:
        """Connect, retrying until the broker answers.

        A broker that answers and will always refuse this client is not asked again: see
        ``refusal_of``. If there are several, all have to refuse.

        Raises:
            Unavailable: It did not answer within the time, or it refused.
        """
        connecting = asyncio.create_task(self._connect())
        refused = asyncio.create_task(self._refused.wait())
        try:
            await asyncio.wait(
                [connecting, refused],
                timeout=timeout_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if connecting.done():
                connecting.result()
                self.refusals.clear()
                self._failures.clear()
                return
        finally:
            refused.cancel()
            connecting.cancel()
            await asyncio.wait([connecting, refused])
        with suppress(NatsError, OSError):
            await self.client.close()
        raise Unavailable(self._why_not(timeout_seconds))

    async def _connect(self) -> None:
        await self.client.connect(
            servers=self.url.split(","),
            name=self._name,
            inbox_prefix=f"_INBOX_{self._name}",  # by which users are kept apart
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type]
            connect_timeout=_CONNECT_SECONDS,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=_PINGS_UNANSWERED,
            pending_size=_PENDING_BYTES,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
        )

    def _why_not(self, timeout_seconds: float) -> str:
        if self._failures and not self.refusals:
            why = "; ".join(sorted(set(self._failures.values())))
            return f"the broker at {shown(self.url)} can't be reached: {why}"
        if self.refusals:
            told = [f"{where} {why}" for where, why in self.refusals.items()]
            return f"the broker can't be used: {'; '.join(told)}"
        return (
            f"the broker at {shown(self.url)} can't be reached:"
            f" no answer within {timeout_seconds:g} s"
        )

    def seconds_disconnected(self) -> float:
        """Return how long the broker has been out of reach; 0 while it is connected."""
        if self.disconnected_since is None:
            return 0.0
        return time.monotonic() - self.disconnected_since

    async def ask_stream(self, stream: str) -> tuple[dict[str, Any], datetime]:
        """Ask for a stream's configuration and state, and compare the clocks.

        Returns:
            The broker's ``STREAM.INFO``, and the broker's time of answering.

        Raises:
            NatsError: It has no such stream, or does not answer; with TimeoutError.
        """
        asked_at = self.clock.asked()
        found = await demand(self.client, f"STREAM.INFO.{stream}", {}, _STREAM_SECONDS)
        at = datetime.fromisoformat(found["ts"])
        self.clock.told(at, asked_at)
        return found, at

    async def check_stream(self, stream: str) -> None:
        """Check that a stream answers.

        Raises:
            Unavailable: It does not, within a second.
        """
        if not self.client.is_connected:
            raise Unavailable(Reason.BROKER_AWAY.of("not connected"))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.ask_stream(stream)
        except APIError as error:
            raise Unavailable(Reason.BROKER_REFUSES.of(in_words(error))) from error
        except (NatsError, TimeoutError) as error:
            why = f"stream {stream}: {in_words(error, _ANSWER_SECONDS)}"
            raise Unavailable(Reason.BROKER_AWAY.of(why)) from error

    async def close(self) -> None:
        """Send what is buffered, and close; a broker that does not answer gets a moment."""
        with suppress(NatsError, TimeoutError, OSError):
            if self.client.is_connected:
                await self.client.flush(_FLUSH_SECONDS if self._patient else _FLUSH_NOW_SECONDS)
            await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        reason = refusal_of(error)
        where = self.client.address
        if reason is None:
            self._failures[where] = in_words(error, _CONNECT_SECONDS)
        else:
            self.refusals[where] = reason
        if self._patient and reason is None:
            _log.warning("broker error", error=in_words(error))
        elif self._patient:
            _log.error("broker refused", server=where, reason=reason)
        tried = self.refusals if self._patient else self.refusals | self._failures
        if len(tried) >= len(self.url.split(",")):
            self._refused.set()

    async def _on_disconnect(self) -> None:
        if self.disconnected_since is None and not self.client.is_closed:
            self.disconnected_since = time.monotonic()
            if not self._patient:
                return  # the command reports it
            _log.warning("broker connection lost")

    async def _on_reconnect(self) -> None:
        self.disconnected_since = None
        self.refusals.clear()
        _log.info("broker connection restored")


@asynccontextmanager
async def connected(
    url: str, name: str, timeout_seconds: float, *, patient: bool = True
) -> AsyncIterator[Broker]:
    """Hold a connection to the broker while the context is open.

    Args:
        url: One or more ``nats://`` or ``tls://`` URLs, separated by commas;
            user and password percent-encoded, as in any URL.
        name: Shown in the broker's monitoring.
        timeout_seconds: How long to try at first.
        patient: See ``Broker``: a function waits for a broker that is starting, an
            operator wants an answer at once.

    Raises:
        Unavailable: The broker did not answer within the time.
    """
    broker = Broker(url, name, patient=patient)
    await broker.connect(timeout_seconds)
    try:
        yield broker
    finally:
        await broker.close()
