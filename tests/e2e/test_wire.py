"""Answers of uvicorn's protocol before any application sees a request."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from runtime.http.server import protocol, serving
from runtime.http.server.app import create_app
from runtime.http.server.asgi import WHOLE_BODY
from runtime.http.server.protocol import MAX_HEAD_BYTES, MAX_HEADERS
from runtime.http.server.serving import served
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port
from runtime.telemetry import logs
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def observed_port() -> AsyncIterator[tuple[int, CollectorRegistry]]:
    registry = CollectorRegistry()
    app = create_app(
        {}, health=Health(), registry=registry, metrics=HttpMetrics(registry, "gateway")
    )
    port = free_port()
    async with served(
        app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5, observer=app.observer
    ):
        yield port, registry


@pytest.fixture
def port(observed_port: tuple[int, CollectorRegistry]) -> int:
    return observed_port[0]


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


async def test_a_head_that_is_too_long_is_refused_in_one_read_too(port: int) -> None:
    head = GET + (b"X-Long: " + b"a" * 2_000 + b"\r\n") * 40 + b"\r\n"

    answer, body = await answer_to(port, head)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert str(MAX_HEAD_BYTES) in json.loads(body)["detail"]


async def test_trailers_are_bounded_as_headers_are(port: int) -> None:
    chunked = b"POST /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(chunked)
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 405 ")

    with suppress(ConnectionError):
        for _ in range(200):
            writer.write(b"a:\r\n" * 500)
            await writer.drain()
        await reader.read()

    assert writer.transport.is_closing() or reader.at_eof()
    writer.close()


async def test_trailers_are_no_headers_and_do_no_harm(telling_port: int) -> None:
    chunked = (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    bodies = await bodies_of(telling_port, chunked, b"2\r\n[]\r\n0\r\na: b\r\nHost: y\r\n\r\n")

    assert bodies == ["[]"]


async def test_a_request_has_one_answer_whatever_follows_it(port: int) -> None:
    chunked = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(chunked)
    answer = await reader.readuntil(b"}")

    writer.write(b"no chunk\r\n" + GET + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("silence", [b"1;" + b"x" * 100_000, b"0\r\na: " + b"x" * 100_000])
async def test_a_chunk_has_no_endless_extension_and_no_endless_trailer(
    port: int, silence: bytes
) -> None:
    chunked = b"POST /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(chunked)
    await reader.readuntil(b"}")

    with suppress(ConnectionError):
        for start in range(0, len(silence), 10_000):
            writer.write(silence[start : start + 10_000])
            await writer.drain()
        writer.write(b"x" * 200_000)
        await reader.read()

    assert writer.transport.is_closing() or reader.at_eof()
    writer.close()


async def test_a_thousand_requests_at_once_are_answered_one_by_one(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)

    writer.write((GET + b"\r\n") * 3_000 + GET + b"Connection: close\r\n\r\n")

    assert (await reader.read()).count(b"HTTP/1.1 200 ") == 3_001
    writer.close()


async def test_a_request_has_a_bounded_number_of_headers(port: int) -> None:
    last = b"Connection: close\r\n\r\n"

    many, _ = await answer_to(port, GET + b"a:\r\n" * (MAX_HEADERS - 2) + last)
    more, body = await answer_to(port, GET + b"a:\r\n" * (MAX_HEADERS - 1) + last)
    unfinished, _ = await answer_to(port, GET + b"a:\r\n" * (MAX_HEADERS + 2))

    assert many.startswith(b"HTTP/1.1 200 ")
    assert more.startswith(b"HTTP/1.1 431 ")
    assert unfinished.startswith(b"HTTP/1.1 431 ")
    assert str(MAX_HEADERS) in json.loads(body)["detail"]


async def test_long_heads_of_all_connections_together_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HELD_BYTES", 100_000)
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry, "gateway")
    app = create_app({}, health=Health(), registry=registry, metrics=metrics)
    port, long = free_port(), b"X-Long: " + b"a" * 60_000
    async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        first_reader, first = await asyncio.open_connection(LOOPBACK, port)
        first.write(GET + long)
        await answer_to(port, GET + b"Connection: close\r\n\r\n")  # so that it has arrived

        refused, _ = await answer_to(port, GET + long + b"\r\nConnection: close\r\n\r\n")
        short, _ = await answer_to(port, GET + b"Connection: close\r\n\r\n")
        first.write(b"\r\nConnection: close\r\n\r\n")
        completed = await first_reader.read()
        first.close()
        later, _ = await answer_to(port, GET + long + b"\r\nConnection: close\r\n\r\n")

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in refused
    assert [answer[9:12] for answer in (short, completed, later)] == [b"200", b"200", b"200"]


async def test_pipelined_requests_without_room_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HELD_BYTES", 10_000)
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry, "gateway")
    app = create_app({}, health=Health(), registry=registry, metrics=metrics)
    port = free_port()
    async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write((GET + b"\r\n") * 400)
        answers = await reader.read()
        writer.close()

    assert answers.count(b"HTTP/1.1 200 ") == answers.count(b"connection: close") == 1


async def test_a_client_that_reads_no_answer_is_disconnected(
    telling_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_READING_SECONDS", 0.1)
    loop, size = asyncio.get_running_loop(), 20_000_000
    with socket.socket() as sender:
        sender.setblocking(False)  # noqa: FBT003
        await loop.sock_connect(sender, (LOOPBACK, telling_port))
        await loop.sock_sendall(sender, a_post(size, last=False) + b"a" * size)

        async def go_on() -> None:
            while True:
                await loop.sock_sendall(sender, b"\r\n")
                await asyncio.sleep(0.01)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(go_on(), 30)


@pytest.mark.parametrize(
    ("head", "status", "word"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "one Host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "one Host"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Host"),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "Host"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
        ("GET /ї HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400, "percent-encode"),
        ("GET /?x=ї HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400, "percent-encode"),
    ],
)
async def test_a_refusal_has_a_reason(port: int, head: bytes, status: int, word: str) -> None:
    answer, body = await answer_to(port, head)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ndate: " in answer
    assert word in json.loads(body)["detail"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health/live HTTP/1.0\r\n\r\n",
        b"GET http://x:1/health/live HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: [::1]:3001\r\nConnection: close\r\n\r\n",
        b"\r\n\r\nGET /health/live HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    ],
)
async def test_unusual_but_correct_requests_are_answered(port: int, head: bytes) -> None:
    answer, _ = await answer_to(port, head)

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def lines() -> Iterator[list[tuple[str | None, Any]]]:
    """The log, with the correlation id of each line."""
    found: list[tuple[str | None, Any]] = []

    def keep(_logger: Any, _level: str, event: Any) -> Any:
        found.append((logs.correlation_id.get(), event))
        raise structlog.DropEvent

    processors = structlog.get_config()["processors"]
    before = processors.copy()
    processors[:] = [keep]  # in place: loggers that are in use already have this very list
    yield found
    processors[:] = before


async def test_refusals_are_logged_and_counted_under_the_senders_id(
    observed_port: tuple[int, CollectorRegistry], lines: list[tuple[str | None, Any]]
) -> None:
    port, registry = observed_port
    head = b"GET /secret/key?a=b HTTP/1.1\r\nX-Correlation-Id: mine\r\n\r\n"

    answer, _ = await answer_to(port, head)

    assert b"\r\nx-correlation-id: mine\r\n" in answer
    [line] = [event for correlation_id, event in lines if correlation_id == "mine"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/secret/", 400)
    assert line["reason"] == "A request should have exactly one Host header"
    assert line["client"] == LOOPBACK
    labels = {"service": "gateway", "route": "unknown", "status": "400"}
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 1


@pytest.mark.parametrize("said", [b"", GET[:20]])
async def test_a_silent_server_is_not_waited_for(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(LOOPBACK, port)

    writer.write(said)

    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer == b"" if not said else answer.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_sender_of_an_unwanted_body_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_LINGER_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(LOOPBACK, port)

    writer.write(b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")

    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 405 ")
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
    """An application reports which bodies arrived whole, and which as a stream."""

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
    """Send something, and the rest when the server has begun to process it."""
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


async def bodies_of(port: int, *pieces: bytes) -> list[str]:
    """Send pieces as separate reads; return which bodies were read, in their order."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)  # separate on the wire, as far as possible
    answer = (await reader.read()).decode()
    writer.close()
    return [json.loads(line)[1] for line in answer.splitlines() if line.startswith("[")]


def an_offer(protocol: bytes, length: int, *, last: bool = True) -> bytes:
    close = b", close" * last
    return (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings%b\r\n"
        b"Upgrade: %b\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: %d\r\n\r\n"
    ) % (close, protocol, length)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0", b"h2c, foo/2"])
async def test_an_offered_protocol_is_ignored_and_the_body_is_read(
    telling_port: int, protocol: bytes
) -> None:
    offer = an_offer(protocol, 4)

    assert await bodies_of(telling_port, offer + b"[12]") == ["[12]"]
    assert await bodies_of(telling_port, offer, b"[12]") == ["[12]"]
    assert await bodies_of(telling_port, offer[:70], offer[70:] + b"[1", b"2]") == ["[12]"]


async def test_an_offer_among_other_requests_is_ignored(telling_port: int) -> None:
    first, second = an_offer(b"h2c", 4, last=False), an_offer(b"websocket", 3)

    sent = a_post(3, last=False) + b"[0]" + first + b"[12]" + second + b"[3]"

    assert await bodies_of(telling_port, sent) == ["[0]", "[12]", "[3]"]


async def test_empty_lines_before_a_request_and_cuts_in_its_end_change_nothing(
    telling_port: int,
) -> None:
    first, last = b"\r\n\r\n" + a_post(4, last=False), a_post(3)
    for cut in range(len(first) - 4, len(first)):
        rest = first[cut:] + b"[12]" + last[:20]

        assert await bodies_of(telling_port, first[:cut], rest, last[20:] + b"[3]") == [
            "[12]",
            "[3]",
        ]


async def test_an_idle_connection_is_closed_and_one_in_use_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_KEEP_ALIVE_SECONDS", 0.3)
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry, "gateway")
    app = create_app({}, health=Health(), registry=registry, metrics=metrics)
    port = free_port()
    async with served(app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for _ in range(10):
            writer.write(GET + b"\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_an_offer_with_a_body_in_chunks_is_ignored(telling_port: int) -> None:
    chunked = an_offer(b"h2c", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")

    sent = chunked + b"2\r\n[1\r\n2\r\n2]\r\n0\r\n\r\n"

    assert await bodies_of(telling_port, sent) == ["[12]"]


async def test_a_body_is_never_a_request(telling_port: int) -> None:
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

    bodies = await bodies_of(telling_port, an_offer(b"h2c", len(smuggled)), smuggled)

    assert bodies == [smuggled.decode()]


async def test_a_proxy_is_not_to_be_had(port: int) -> None:
    answer, _ = await answer_to(port, b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 501 ")


@pytest.mark.parametrize("length", [3, 100_000, 3_000_000])
async def test_who_has_said_all_gets_the_answer(telling_port: int, length: int) -> None:
    body = b'"' + b"a" * (length - 2) + b'"'
    reader, writer = await asyncio.open_connection(LOOPBACK, telling_port)

    writer.write(a_post(length, last=False) + body)
    writer.write_eof()

    head, _, told = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(told.split(b"\r\n")[1])[1] == body.decode()
    writer.close()


async def test_who_has_said_all_of_several_requests_gets_every_answer(telling_port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, telling_port)

    writer.write((a_post(3, last=False) + b"[1]") * 20)
    writer.write_eof()

    assert (await reader.read()).count(b"HTTP/1.1 200 ") == 20
    writer.close()


async def test_who_ends_within_a_body_gets_no_answer(telling_port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, telling_port)

    writer.write(a_post(4, last=False) + b"[1")
    writer.write_eof()

    assert b"200" not in await reader.read()
    writer.close()


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
