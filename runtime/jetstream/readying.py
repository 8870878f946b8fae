"""Set up the broker's streams and consumers at start, or explain why that failed."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, ServiceUnavailableError

from functions.errors import Unavailable
from runtime.jetstream.connection import Broker
from runtime.jetstream.monitoring import UNTOLD, ask
from runtime.jetstream.streams import Durable, ensure_consumer, ensure_streams
from runtime.settings import BrokerSettings
from runtime.telemetry.in_words import in_words, size_in_words
from runtime.telemetry.safe_urls import shown

_NO_ROOM: Final = {10023, 10028, 10047}
_NO_JETSTREAM: Final = {10039, 10076}
_NO_PEERS: Final = {10005, 10074}
_OVERLAP: Final = {10065}
"""Codes of nats-server 2.15 (``server/errors.json``): insufficient resources, memory or
storage; JetStream not enabled; no peers for so many copies; subjects that overlap."""


async def ready_broker(
    broker: Broker,
    settings: BrokerSettings,
    *consumers: Durable,
    ack_wait_seconds: float = 0.0,
    may_change: bool = True,
    first_sequence: int | None = None,
) -> None:
    """Make missing streams and consumers, and give the others the current settings.

    Args:
        broker: The connection.
        settings: The streams' settings.
        consumers: The consumers to make; none for a function that only publishes.
        ack_wait_seconds: Of the consumers.
        may_change: See ``ensure_streams``.
        first_sequence: See ``ensure_streams``.

    Raises:
        Unavailable: The broker refuses, or does not answer: one line, with the
            settings concerned and the broker's limits.
    """
    try:
        await ensure_streams(
            broker.jetstream, settings, may_change=may_change, first_sequence=first_sequence
        )
        for consumer in consumers:
            await ensure_consumer(broker.jetstream, consumer, ack_wait_seconds)
    except (NatsError, TimeoutError) as error:
        why = await _why(broker, settings, error)
        raise Unavailable(f"the broker at {shown(broker.url)} {why}") from error


async def _why(broker: Broker, settings: BrokerSettings, error: Exception) -> str:
    code = getattr(error, "err_code", None)
    if code in _NO_ROOM:
        return f"has too little room for the streams: {await _room(broker, settings)}"
    if code in _NO_JETSTREAM or (
        code is None and isinstance(error, NoRespondersError | ServiceUnavailableError)
    ):
        return "has no JetStream for this user: enable it with jetstream {} in its configuration"
    if code in _NO_PEERS:
        copies = settings.stream_replicas
        return f"has too few servers for STREAM_REPLICAS={copies}: {in_words(error)}"
    if code in _OVERLAP:
        return (
            "has other streams with the subjects events.>, dead_letters.> or kept.>: "
            f"{in_words(error)}; give this system its own broker or account"
        )
    if isinstance(error, APIError):
        return f"refuses the streams: {in_words(error)}"
    return (
        f"does not create the streams: {in_words(error)}; may the user of NATS_URL use $JS.API.>, "
        "and is a majority of its servers running?"
    )


async def _room(broker: Broker, settings: BrokerSettings) -> str:
    """List the requested sizes by setting, and the broker's limits as far as they are known."""
    wanted = {
        "EVENTS_STREAM_MAX_BYTES": settings.events_stream_max_bytes,
        "DEAD_LETTERS_STREAM_MAX_BYTES": settings.dead_letters_stream_max_bytes,
    }
    if settings.keep_settled_seconds:
        wanted["KEPT_STREAM_MAX_BYTES"] = settings.kept_stream_max_bytes
    asked = ", ".join(f"{name}={size_in_words(size)}" for name, size in wanted.items())
    return f"{asked}; {await _has(broker, getattr(settings, 'monitoring_urls', ()))}"


async def _has(broker: Broker, monitoring_urls: Sequence[str]) -> str:
    for url in monitoring_urls:
        with suppress(*UNTOLD):
            told = await ask(url, "/jsz")
            limit, reserved = told["config"]["max_storage"], told["reserved_storage"]
            return (
                f"its max_file_store is {size_in_words(limit)}, of which {size_in_words(reserved)} "
                "are reserved"
            )
    with suppress(NatsError, TimeoutError):
        limit = (await broker.jetstream.account_info()).limits.max_storage or -1
        if limit > 0:
            return f"its account may store {size_in_words(limit)}"
    return "check its max_file_store and the free space on its disk"
