"""Malicious bodies under load, and good events among bad ones."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from tests.builders import a_facebook_event, a_tiktok_event, raw, raw_with
from tests.faults.fault import Fault, World

_CLIENTS = 4
_ROUNDS, _ROUNDS_SHORT = 2, 1
_JSON = "application/json"
_TOO_LARGE = 51 * 1024**2
_UNAVAILABLE = 503
_FLOOD_SECONDS, _FLOOD_WRITES = 10, 400


@dataclass(frozen=True, slots=True)
class Body:
    """A request that must be refused.

    Attributes:
        status: The expected status; 503 is always right as well.
        content: Its body.
        headers: Its headers.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": _JSON})


def _no_json() -> Iterator[bytes]:
    yield from (b"", b"x", b"1", b'"x"', b"[1", b"{'a': 1}", b"[] []")
    yield "[]".encode("utf-16")
    yield b'[{"a":"\\ud800"}'
    yield b"[" * 100_000
    yield b'"' + b"a" * 1024**2


def _no_events() -> Iterator[bytes]:
    """Return values that are JSON but not events, each for a different reason."""
    yield from (b"{}", b"1", b"null", b'""', b"[]", b"-0", b"1e400", b"[" * 5_000 + b"]" * 5_000)
    yield b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    yield b"1" * 5_000
    for text in ("\0", "\ud800", "a" * 201, "", " " * 1024**2):
        yield json.dumps(a_facebook_event(eventId=text)).encode()
    for name in ("\0", "a\0b", "\udfff"):
        yield json.dumps(a_tiktok_event(user={"username": name})).encode()
    for amount in ("NaN", "1e400", "1_000", "-1", "\uff11", "9" * 100, "0x10", " 1", "1.1234567"):
        yield raw(a_tiktok_event(eventType="purchase", engagement={"purchaseAmount": amount}))
    for number in ("1e400", "-1", "1e-400", "9" * 5_000):
        yield raw_with(a_facebook_event(user={"age": "@"}), number)
    for moment in ("0000-01-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T00:00:00", "now"):
        yield raw(a_facebook_event(timestamp=moment))
    yield raw_with(a_facebook_event(extra="@"), "[" * 1_000 + "]" * 1_000)
    yield raw(a_facebook_event(source="myspace"))
    yield raw(a_facebook_event(eventType=["ad.view", "page.like"]))


def _bodies() -> Iterator[Body]:
    yield from (Body(400, content) for content in _no_json())
    yield from (Body(422, b"[" + content + b"]") for content in _no_events())
    yield from (Body(422, content) for content in (b"[1,]", b"[NaN]", b'[{"a":"\xe4"}]'))
    yield Body(202, b"\xef\xbb\xbf[]")
    yield Body(422, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)  # too deep to be looked at
    yield Body(400, b'{"a":' * 100_000)
    yield Body(422, b"[" + b",".join([b"1"] * 2_000) + b"]")
    yield Body(413, b"[" + b" " * _TOO_LARGE)
    for content_type in ("text/plain", "application/json; charset=utf-16", "multipart/form-data"):
        yield Body(415, b"[]", {"Content-Type": content_type})
    packed = gzip.compress(raw([a_facebook_event()]))
    yield Body(415, b"[]", {"Content-Type": _JSON, "Content-Encoding": "br"})
    for broken in (b"x", packed[:-9], packed[:20] + b"x" * 20, packed + b"x"):
        yield Body(400, broken, {"Content-Type": _JSON, "Content-Encoding": "gzip"})


_REFUSED = (b"HTTP/1.1 4", b"HTTP/1.1 505")
_WIRE = (
    b"FOO BAR\r\n\r\n",
    b"\0" * 10_000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS greeting
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 200_000,
    b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"GET /health/live HTTP/1.1\r\n\r\n",
    b"GET /health/live HTTP/2.0\r\nHost: localhost\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
    b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    + b"a:\r\n" * 99_999,
    b"POST /events HTTP/1.1\nContent-Type: application/json\nContent-Length: 999999999999\n\n[",
)
"""Bytes that are not HTTP, or that claim too much; each is answered, and closed."""


@asynccontextmanager
async def hostile_bodies(world: World) -> AsyncIterator[None]:
    """Send all of them again and again, over several connections."""
    rounds = _ROUNDS if world.is_full else _ROUNDS_SHORT
    async with asyncio.TaskGroup() as group:
        for _ in range(_CLIENTS):
            group.create_task(_post_all(world, rounds))
        group.create_task(_write_all(world, rounds))
    yield


async def _post_all(world: World, rounds: int) -> None:
    bodies = list(_bodies())
    url = f"{world.sender.url}/events"
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(rounds):
            world.random.shuffle(bodies)
            for body in bodies:
                answer = await client.post(url, content=body.content, headers=dict(body.headers))
                assert answer.status_code in (body.status, _UNAVAILABLE), body.content[:200]


async def _write_all(world: World, rounds: int) -> None:
    gateway = urlsplit(world.sender.url)
    for _ in range(rounds):
        for sent in _WIRE:
            reader, writer = await asyncio.open_connection(gateway.hostname, gateway.port)
            with suppress(ConnectionError):  # it may not read everything
                writer.write(sent)
                await writer.drain()
                async with asyncio.timeout(60):
                    assert (await reader.read(13)).startswith(_REFUSED), sent[:100]
            writer.close()


@asynccontextmanager
async def pipelined_requests(world: World) -> AsyncIterator[None]:
    """Send requests without reading an answer, at full speed."""
    gateway = urlsplit(world.sender.url)
    for _ in range(_ROUNDS if world.is_full else _ROUNDS_SHORT):
        _, writer = await asyncio.open_connection(gateway.hostname, gateway.port)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_FLOOD_SECONDS):
                for _ in range(_FLOOD_WRITES):
                    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_024)
                    await writer.drain()
        writer.close()
    yield


@asynccontextmanager
async def good_among_bad(world: World) -> AsyncIterator[None]:
    """Put each bad value between two good events, which it must not harm."""
    sender = world.sender
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(_ROUNDS if world.is_full else _ROUNDS_SHORT):
            for bad in _no_events():
                first, last = sender.events(2)
                content = b"[" + b",".join([raw(first), bad, raw(last)]) + b"]"
                assert await sender.post_raw(client, content, [first, last]) in (202, 503)
    yield


FAULTS = [
    Fault("hostile bodies", hostile_bodies, is_short=True),
    Fault("pipelined requests", pipelined_requests),
    Fault("good events among hostile ones", good_among_bad),
]
