"""Payload blocks: ids and JSON of events that are stored together, compressed as one value.

Alone, an event's JSON hardly shrinks, and the embedded server has no compression of its
own that is worth its time. Among others of its kind it needs a quarter of the space.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import zstandard
from asyncpg.pool import PoolConnectionProxy

from functions.events import Source
from runtime.postgres.sql import load

ADD_PAYLOADS = load(__file__, "add_payloads")
PAYLOADS_OF_BLOCKS = load(__file__, "payloads_of_blocks")

_BLOCK_EVENTS: Final = 500
"""Larger blocks are hardly smaller an event, and each reader of one event unpacks its block."""

_BLOCK_BYTES: Final = 256 * 1024
"""Bytes of JSON; a larger single event is a separate block."""

_LEVEL: Final = 1
"""Others take more time for the same size."""

_compress = zstandard.ZstdCompressor(level=_LEVEL).compress
_decompress = zstandard.ZstdDecompressor().decompress
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode


class Arrival(NamedTuple):
    """How an event arrived, as all others of its request; the columns of ``arrivals``.

    Attributes:
        stored_at: None for now.
    """

    accepted_at: datetime
    correlation_id: str
    trace_parent: str | None
    published_at: datetime | None
    stream_sequence: int | None
    deliveries: int | None
    stored_at: datetime | None = None


class Packed(NamedTuple):
    """An event's payload, and what decides which block it is in.

    Attributes:
        arrival: The columns of ``Arrival``, with the last or without.
        event_id: The platform's own id.
        payload: The event as received, JSON text.
    """

    source: Source
    occurred_at: datetime
    arrival: tuple[Any, ...]
    event_id: str
    payload: str


class Place(NamedTuple):
    """Where a payload is; three columns of ``events``.

    Attributes:
        block: The block's id.
        position: In the block, from 0.
        arrival: How it arrived: a number within the block.
    """

    block: int
    position: int
    arrival: int


class _Block:
    def __init__(self, number: int, last_at: datetime) -> None:
        self.number = number
        self.last_at = last_at
        self.bytes = 0
        self.texts: list[str] = []
        self.arrivals: dict[tuple[Any, ...], int] = {}


async def add_payloads(
    connection: PoolConnectionProxy, events: Iterable[tuple[Any, ...]]
) -> list[tuple[int, int, int]]:
    """Store the payloads of events, before the events and in the same transaction.

    Args:
        connection: In a transaction.
        events: The columns of ``Packed``; at least one.

    Returns:
        Where each is, in the order of the events: the columns of ``Place``.
    """
    blocks, places = _sorted_into_blocks(events)
    arrivals = [
        (block.number, number, *Arrival(*arrival))
        for block in blocks
        for arrival, number in block.arrivals.items()
    ]
    ids = await connection.fetch(
        ADD_PAYLOADS,
        [block.last_at for block in blocks],
        [_compress(_encode(block.texts)) for block in blocks],
        *zip(*arrivals, strict=True),
    )
    numbers = [number for (number,) in ids]
    return [(numbers[block], position, arrival) for block, position, arrival in places]


async def read_payloads(
    connection: PoolConnectionProxy, blocks: Collection[int]
) -> dict[int, Sequence[str]]:
    """Read blocks; returns the texts of each, as ``unpack`` does."""
    found = await connection.fetch(PAYLOADS_OF_BLOCKS, list(blocks))
    return {block: unpack(data) for block, data in found}


def unpack(data: bytes) -> Sequence[str]:
    """Unpack a block: the id and the JSON of its first event, those of the second, ..."""
    return _decode(_decompress(data))


def repack(texts: Sequence[str]) -> bytes:
    """Pack the texts of an unpacked block again."""
    return _compress(_encode(texts))


def text_at(texts: Sequence[str], position: int) -> tuple[str, str]:
    """Return the id and the JSON of the event at a position of an unpacked block."""
    return texts[2 * position], texts[2 * position + 1]


def _sorted_into_blocks(
    events: Iterable[tuple[Any, ...]],
) -> tuple[list[_Block], list[tuple[int, int, int]]]:
    """Sort events into blocks of one source and one day each; returns also their places."""
    blocks: list[_Block] = []
    places = []
    latest: dict[tuple[str, int], _Block] = {}
    for source, occurred_at, arrival, event_id, payload in events:
        kind = (source, occurred_at.toordinal())
        block = latest.get(kind)
        if (
            block is None
            or len(block.texts) == 2 * _BLOCK_EVENTS
            or block.bytes + len(payload) > _BLOCK_BYTES
        ):
            block = latest[kind] = _Block(len(blocks), occurred_at)
            blocks.append(block)
        number = block.arrivals.setdefault(arrival, len(block.arrivals))
        places.append((block.number, len(block.texts) // 2, number))
        block.texts += (event_id, payload)
        block.bytes += len(payload)
        block.last_at = max(block.last_at, occurred_at)
    return blocks, places
