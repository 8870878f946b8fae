"""Metrics of the broker: of its streams from JetStream, of its servers from their monitoring."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from nats.errors import Error as NatsError

from runtime.jetstream.connection import Broker
from runtime.jetstream.kept import read_window
from runtime.jetstream.monitoring import UNTOLD, ask
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS
from runtime.loops import every
from runtime.telemetry.server_metrics import BROKER_UP, Measured, Sample

_EVERY_SECONDS = 15.0


async def watch_broker_figures(
    broker: Broker,
    monitoring_urls: Sequence[str],
    shown: Measured,
    stop: asyncio.Event,
    *,
    is_kept: bool = False,
) -> None:
    """Measure the broker every few seconds until ``stop`` is set.

    Args:
        broker: Asked for the streams.
        monitoring_urls: Of every server; without any, only the streams are measured.
        shown: Receives the samples.
        stop: Ends it.
        is_kept: Whether settled messages are kept for a replay, and so measured.
    """
    async for _ in every(_EVERY_SECONDS, stop):
        shown.show(await measure_broker(broker, monitoring_urls, is_kept=is_kept))


async def measure_broker(
    broker: Broker, monitoring_urls: Sequence[str], *, is_kept: bool = False
) -> list[Sample]:
    """Measure everything at once; servers that don't answer are left out."""
    asked = [_stream(broker, name) for name in (EVENTS, DEAD_LETTERS)]
    if is_kept:
        asked.append(_kept(broker))
    found = await asyncio.gather(*asked, *map(_server, monitoring_urls))
    return [sample for samples in found for sample in samples]


async def _stream(broker: Broker, name: str) -> list[Sample]:
    try:
        info, _ = await broker.ask_stream(name)
    except (NatsError, TimeoutError):  # readiness reports it
        return []
    return [
        Sample("stream_messages", info["state"]["messages"], (name,)),
        Sample("stream_bytes", info["state"]["bytes"], (name,)),
        Sample("stream_limit_bytes", info["config"]["max_bytes"], (name,)),
    ]


async def _kept(broker: Broker) -> list[Sample]:
    try:
        window = await read_window(broker.client)
    except (NatsError, TimeoutError):
        return []
    if window is None:
        return []
    return [
        Sample("kept_bytes", window.bytes),
        Sample("kept_limit_bytes", window.max_bytes),
        Sample("kept_reach_seconds", (datetime.now(UTC) - window.since).total_seconds()),
        Sample("kept_wanted_seconds", window.wanted_seconds),
    ]


async def _server(url: str) -> list[Sample]:
    server = urlsplit(url).netloc.rpartition("@")[2]
    try:
        told = await ask(url, "/varz")
        return [Sample(BROKER_UP, 1, (server,)), *_told(told, server)]
    except UNTOLD:
        return [Sample(BROKER_UP, 0, (server,))]


def _told(told: dict[str, Any], server: str) -> Iterator[Sample]:
    limits, store = told["jetstream"]["config"], told["jetstream"]["stats"]
    for name, value in {
        "broker_syncs_always": bool(limits.get("sync_always")),
        "broker_store_bytes": store["storage"],
        "broker_store_limit_bytes": limits["max_storage"],
        "broker_store_reserved_bytes": store["reserved_storage"],
        "broker_memory_bytes": told["mem"],
        "broker_connections": told["connections"],
        "broker_slow_consumers_total": told["slow_consumers"],
    }.items():
        yield Sample(name, value, (server,))
    for direction in ("in", "out"):
        yield Sample("broker_messages_total", told[f"{direction}_msgs"], (server, direction))
        yield Sample("broker_bytes_total", told[f"{direction}_bytes"], (server, direction))
