"""What uvicorn's protocol answers before any application sees a request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from runtime.health import Health
from runtime.http.app import create_app
from runtime.http.asgi import WHOLE_BODY
from runtime.http.protocol import MAX_HEAD_BYTES
from runtime.http.server import served
from runtime.local.ports import LOOPBACK, free_port
from runtime.metrics import HttpMetrics

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    registry = CollectorRegistry()
    app = create_app(
        {}, health=Health(), registry=registry, metrics=HttpMetrics(registry, "gateway")
    )
    port = free_port()
    async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        yield port


async def answer_to(port: int, *pieces: bytes) -> tuple[bytes, bytes]:
    """Send pieces until the server answers and closes; returns its head and its body."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return head, body


@pytest.mark.parametrize("head", [b"FOO BAR\r\n\r\n", GET + b"Content-Length: -5\r\n\r\n"])
async def test_what_is_no_http_gets_a_problem_with_a_correlation_id(port: int, head: bytes) -> None:
    answer, body = await answer_to(port, head)

    problem = json.loads(body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in answer
    assert problem["status"] == 400
    assert [fault["code"] for fault in problem["errors"]] == ["http_invalid"]
    assert str(UUID(problem["correlationId"])).encode() in answer


async def test_a_head_that_is_too_long_is_refused_before_it_ends(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(GET + b"X-Long: " + b"a" * (MAX_HEAD_BYTES + 1))
    await writer.drain()

    answer = await reader.readuntil(b"\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_long_head_and_requests_after_a_body_are_fine(port: int) -> None:
    long = GET + b"X-Long: " + b"a" * (MAX_HEAD_BYTES // 2) + b"\r\n\r\n"
    posted = b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    last = GET + b"Connection: close\r\n\r\n"

    answers, _ = await answer_to(port, long, posted + b"a" * 200_000, last)
    assert answers.startswith(b"HTTP/1.1 200 ")
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(posted + b"a" * 200_000 + last)
    everything = await reader.read()
    writer.close()

    assert everything.count(b"HTTP/1.1 405 ") == 1
    assert everything.count(b"HTTP/1.1 200 ") == 1


@pytest.fixture
async def telling_port() -> AsyncIterator[int]:
    """Where an application tells what came as a whole body, and what by the stream."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        streamed, more = b"", True
        while more:
            message = await receive()
            streamed += message["body"]
            more = message["more_body"]
        whole = scope.get(WHOLE_BODY)
        told = json.dumps([None if whole is None else whole.decode(), streamed.decode()]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told + b"\n"})

    port = free_port()
    async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        yield port


def a_post(length: int, *, last: bool = True) -> bytes:
    close = b"Connection: close\r\n" * last
    return b"POST / HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n" % (close, length)


async def told_by(port: int, sent: bytes, then: bytes = b"") -> list[Any]:
    """Send something, and the rest when the server is known to have begun with it."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(sent)
    if then:
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(then)
    answer = (await reader.read()).decode()
    writer.close()
    return [json.loads(line) for line in answer.splitlines() if line.startswith("[")]


async def test_a_body_that_comes_with_its_head_is_handed_over_whole(telling_port: int) -> None:
    assert await told_by(telling_port, a_post(4) + b"[12]") == [["[12]", "[12]"]]
    assert await told_by(telling_port, a_post(0)) == [["", ""]]


async def test_a_body_that_comes_later_is_not_handed_over_whole(telling_port: int) -> None:
    expecting = a_post(4).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")

    assert await told_by(telling_port, expecting, b"[12]") == [[None, "[12]"]]
    assert await told_by(telling_port, expecting + b"[1", b"2]") == [[None, "[12]"]]


async def test_each_of_several_requests_at_once_has_its_own_body(telling_port: int) -> None:
    several = a_post(3, last=False) + b"[1]" + a_post(3, last=False) + b"[2]" + a_post(3) + b"[3]"

    told = await told_by(telling_port, several)

    assert told == [["[1]", "[1]"], ["[2]", "[2]"], ["[3]", "[3]"]]


async def test_head_and_body_of_an_answer_come_in_one_piece(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for _ in range(20):
        writer.write(GET + b"\r\n")
        assert (await reader.read(10_000)).endswith(b'{"status":"live"}')
    writer.close()


async def test_a_taken_port_is_an_error_of_its_own(port: int) -> None:
    registry = CollectorRegistry()
    app = create_app({}, health=Health(), registry=registry, metrics=HttpMetrics(registry, "x"))

    with pytest.raises(OSError, match="in use"):
        async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
            pass
