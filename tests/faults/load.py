"""Faults of senders and of their events."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest
from nats.aio.client import Client

from tests.faults.fault import Fault, World
from tests.faults.files import connections_possible
from tests.faults.sender import in_a_week

_SLOW = (100_000, 250_000, 40_000_000)
"""The lengths that slow senders declare; together many times the gateway's limit."""

_SERVED_SECONDS = 15
_BOMB_BYTES = 200 * 1024**2
_BOMBS = 16
_IDLE = 10_000
_MINUTES_OF_OFFSETS = range(-12 * 60, 14 * 60 + 1, 15)
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _head(length: int) -> bytes:
    return (
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n[" % length
    )


@asynccontextmanager
async def strange_clocks(world: World) -> AsyncIterator[None]:
    """Send events from a year ago, from tomorrow, and from all time zones."""
    world.sender.moment = _strange_moment
    await world.sender.accepted(10)
    yield
    world.sender.moment = in_a_week


def _strange_moment(random: Random) -> str:
    zone = timezone(timedelta(minutes=random.choice(_MINUTES_OF_OFFSETS)))
    away = random.choice((timedelta(days=-366), timedelta(days=1), timedelta()))
    moment = datetime.now(UTC) + away + timedelta(milliseconds=random.randrange(3_600_000))
    return moment.astimezone(zone).isoformat()


@asynccontextmanager
async def slow_senders(world: World) -> AsyncIterator[None]:
    """Let hundreds send a byte per second, until the gateway has refused each.

    Some declare small bodies and some large ones: none may hold the room of others.
    """
    async with _connections(world, 500) as connections, asyncio.TaskGroup() as group:
        trickling = [
            group.create_task(_trickle(_SLOW[place % len(_SLOW)], *connection))
            for place, connection in enumerate(connections)
        ]
        await asyncio.sleep(2)  # so that all of them have begun
        await _served_small_and_large(world)
        assert not any(task.done() for task in trickling)
        assert {await task for task in trickling} == {b"HTTP/1.1 408 "}
    yield


async def _trickle(
    declared: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    """Send a byte per second; returns the beginning of the answer."""
    writer.write(_head(declared))
    answer = asyncio.ensure_future(reader.readexactly(13))
    while not answer.done():
        writer.write(b" ")
        await asyncio.wait([answer], timeout=1)
    return answer.result()


async def _served_small_and_large(world: World) -> None:
    sender = world.sender
    await sender.accepted(5)
    async with httpx.AsyncClient(timeout=_SERVED_SECONDS) as client:
        assert await sender.post(client, sender.events(3_000)) == httpx.codes.ACCEPTED


@asynccontextmanager
async def senders_gone(world: World) -> AsyncIterator[None]:
    """Let many disconnect in the middle of their bodies, again and again."""
    for _ in range(5):
        async with _connections(world, 100) as connections:
            writers = [writer for _, writer in connections]
            for writer in writers:
                writer.write(_head(100_000) + b"x" * world.random.randrange(50_000))
            await asyncio.gather(*(writer.drain() for writer in writers))
            for writer in writers:
                writer.transport.abort()
    yield


@asynccontextmanager
async def idle_connections(world: World) -> AsyncIterator[None]:
    """Hold ten thousand idle connections."""
    if connections_possible() < _IDLE:
        pytest.skip(f"this machine lets a process have {connections_possible()} connections")
    async with _connections(world, _IDLE):
        await world.sender.accepted(20)
        yield


@asynccontextmanager
async def gzip_bombs(world: World) -> AsyncIterator[None]:
    """Send small bodies that decompress beyond every limit."""
    bomb = gzip.compress(b"[" + b" " * _BOMB_BYTES, 9)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with httpx.AsyncClient(timeout=60) as client:
        post = client.post
        url = f"{world.sender.url}/events"
        answers = await asyncio.gather(
            *(post(url, content=bomb, headers=headers) for _ in range(_BOMBS))
        )
    assert {answer.status_code for answer in answers} <= {413, 503}
    yield


@asynccontextmanager
async def stream_full(world: World) -> AsyncIterator[None]:
    """Leave the stream room for a few messages while nobody consumes any."""
    with world.system.paused("fb-collector"), world.system.paused("ttk-collector"):
        usual = await _limit_stream(world, 2 * 1024**2)
        async with asyncio.timeout(60):
            while 503 not in world.sender.statuses:
                await asyncio.sleep(0.05)
        yield
    await _limit_stream(world, usual)


async def _limit_stream(world: World, max_bytes: int) -> int:
    """Set the limit of the stream; returns the previous one."""
    client = Client()
    await client.connect(world.system.url_of("nats"))
    try:
        jetstream = client.jetstream()
        config = (await jetstream.stream_info("EVENTS")).config
        before = config.max_bytes
        config.max_bytes = max_bytes
        await jetstream.update_stream(config)
        return int(before or -1)
    finally:
        await client.close()


@asynccontextmanager
async def _connections(world: World, number: int) -> AsyncIterator[list[_Connection]]:
    """Hold connections to the gateway, opened a hundred at a time."""
    gateway = urlsplit(world.sender.url)
    connections: list[_Connection] = []
    try:
        while len(connections) < number:
            some = [asyncio.open_connection(gateway.hostname, gateway.port) for _ in range(100)]
            connections += await asyncio.gather(*some)
        yield connections
    finally:
        for _, writer in connections:
            writer.close()
        for _, writer in connections:
            with suppress(OSError):  # the gateway may have been the first to close
                await writer.wait_closed()


FAULTS = [
    Fault("events a year late, a day early, in all time zones", strange_clocks),
    Fault("five hundred slow senders, a byte a second", slow_senders),
    Fault("five hundred senders gone in the middle", senders_gone),
    Fault("ten thousand idle connections", idle_connections),
    Fault("compressed bombs", gzip_bombs),
    Fault("NATS's stream full", stream_full),
]
