"""The broker's capacity with the same envelopes: synced each time, and synced later."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import nats
from nats.js import JetStreamContext, api

from functions.events import SOURCES
from functions.messages import AcceptedBatch
from runtime.bus.envelopes import encode
from runtime.http.splitting import split_json
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.process import Program
from tests.benchmarks.bodies import Batch, make_bodies
from tests.benchmarks.system import fresh_folder

_CONFIGURATION = Path(__file__).parents[2] / "infra" / "nats.conf"
_SYNC = "  sync_interval: always\n"
_SUBJECT = "raw.events"
_IN_FLIGHT = 4
"""The same as the gateway: two of each source."""

_ENVELOPES_BYTES = 16 * 1024**2
_SECONDS = 1.0


class _LazyNats(EmbeddedNats):
    """The same broker with the default flushing: every two minutes, acknowledged before."""

    def program(self) -> Program:
        program = super().program()
        text = _CONFIGURATION.read_text(encoding="utf-8")
        assert _SYNC in text
        lazy = self.data_dir / "lazy.conf"
        lazy.write_text(text.replace(_SYNC, ""), encoding="utf-8")
        known = str(_CONFIGURATION)
        return replace(
            program, command=[str(lazy) if part == known else part for part in program.command]
        )


async def raw_broker(
    events_a_message: float, events_a_part: int, parent: Path | None
) -> dict[str, float]:
    """Publish envelopes as large as the system's; returns events per second by way of flushing."""
    events = max(1, round(events_a_message))
    envelopes = list(_envelopes(events, max(1, min(events, events_a_part))))
    return {
        "NATS, always synced": events * await _messages_a_second(EmbeddedNats, envelopes, parent),
        "NATS, default sync": events * await _messages_a_second(_LazyNats, envelopes, parent),
    }


def _envelopes(events: int, events_a_part: int) -> Iterator[bytes]:
    now, source = datetime.now(UTC), SOURCES[0]
    size = 0
    while size < _ENVELOPES_BYTES:
        (body,) = make_bodies(Batch(1, max(2, events)))
        raw = [event for window in split_json(body, 1024**2) for event in window][:events]
        parts = [
            AcceptedBatch(f"{number:036d}", now, raw[number : number + events_a_part])
            for number in range(0, events, events_a_part)
        ]
        envelope = encode(source, parts)
        size += max(len(envelope), _ENVELOPES_BYTES // 1000)
        yield envelope


async def _messages_a_second(
    kind: type[EmbeddedNats], envelopes: Sequence[bytes], parent: Path | None
) -> float:
    with fresh_folder(parent) as folder:
        async with kind(folder / "nats") as server:
            client = await nats.connect(server.url)
            try:
                return await _publish(client.jetstream(), envelopes)
            finally:
                await client.close()


async def _publish(jetstream: JetStreamContext, envelopes: Sequence[bytes]) -> float:
    stream = api.StreamConfig(
        name="RAW", subjects=[_SUBJECT], retention=api.RetentionPolicy.WORK_QUEUE
    )
    await jetstream.add_stream(stream)
    supply = cycle(envelopes)
    published = 0
    began = time.monotonic()

    async def publish() -> None:
        nonlocal published
        while time.monotonic() - began < _SECONDS:
            await jetstream.publish(_SUBJECT, next(supply))
            published += 1

    await asyncio.gather(*(publish() for _ in range(_IN_FLIGHT)))
    return published / (time.monotonic() - began)
