"""What uvicorn's protocol answers before any application sees a request."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from runtime.health import Health
from runtime.http.app import create_app
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


async def test_a_taken_port_is_an_error_of_its_own(port: int) -> None:
    registry = CollectorRegistry()
    app = create_app({}, health=Health(), registry=registry, metrics=HttpMetrics(registry, "x"))

    with pytest.raises(OSError, match="in use"):
        async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
            pass
