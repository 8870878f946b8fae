"""The kept messages: which events they have, and an operator who replays them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from nats.aio.client import Client

from runtime.bus.envelopes import decode, decode_letters
from runtime.jetstream.kept import read_window

_SOURCES = {"kept.events.facebook": "facebook", "kept.events.tiktok": "tiktok"}


class _Event(msgspec.Struct, rename="camel"):
    event_id: str


_EVENTS = msgspec.json.Decoder(_Event)


async def replay_all(nats_url: str) -> None:
    """Replay all messages ever stored, as an operator does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "broker", "replay"),
        *("--since", await _kept_since(nats_url)),
        env={**os.environ, "NATS_URL": nats_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"messages replayed" in output


async def _kept_since(nats_url: str) -> str:
    async with _connected(nats_url) as client:
        window = await read_window(client)
        assert window
        return window.since.isoformat()


async def kept_ids(nats_url: str) -> set[str]:
    """Name every event that is kept, including rejected ones."""
    found: set[str] = set()
    async with _connected(nats_url) as client:
        jetstream = client.jetstream()
        state = (await jetstream.stream_info("KEPT")).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            found |= _ids_of(await jetstream.get_msg("KEPT", sequence))
    return found


def _ids_of(message: Any) -> set[str]:
    source: Any = _SOURCES.get(message.subject)
    if source is None:
        return {letter.event_id for letter in decode_letters(message.data) if letter.event_id}
    parts = decode(source, message.data)
    return {_EVENTS.decode(event).event_id for part in parts for event in part.events}


@asynccontextmanager
async def _connected(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    try:
        yield client
    finally:
        await client.close()
