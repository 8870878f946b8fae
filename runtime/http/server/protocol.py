"""HTTP/1.1 on the wire: uvicorn's protocol, held to what RFC 9110 and 9112 ask of a server.

The parser is fed one request at a time, its head and its body apart, so that bytes
of a body are never taken for a request, and pipelined requests wait unread.
"""

import asyncio
import contextvars
import re
import time
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from functions.errors import Fault, Invalid, Unavailable
from runtime.http.byte_budget import ByteBudget
from runtime.http.observing import Observer
from runtime.http.responses import (
    CORRELATION_HEADER,
    HttpProblem,
    Response,
    answer_error,
    correlation_id_of,
    title_of,
)
from runtime.http.server.asgi import WHOLE_BODY
from runtime.telemetry import logs
from runtime.telemetry.reasons import Reason

MAX_HEAD_BYTES = 64 * 1024
"""Limit for the request line with the headers, and the same again for trailers; the parser
would take any number of them, at quadratic cost."""

_HEAD_SECONDS = 30.0
"""How long a connection may be silent before its first request, and how long
a head may take; a body has a limit of its own."""

MAX_HEADERS = 1_000

HELD_BYTES = 32 * 1024**2
"""Limit for long heads and pipelined requests of all connections together: these arrive
before any key is checked."""

_FREE_BYTES, _FREE_HEADERS = 4 * 1024, 32
"""The uncounted size of a connection's head: nearly every head is smaller."""

_HEADER_BYTES = 160
"""Memory of a header besides its bytes, as Python objects."""

_LINGER_SECONDS = 10.0
"""How long the rest of a body may take after its request was answered: a sender that is
still writing reads the answer only then."""

_READING_SECONDS, _LEAST_READ_BYTES = 30.0, 16 * 1024
"""A client that reads less of an answer than this in that time is disconnected."""

_FAREWELL_SECONDS = 2.0
"""How long a refused sender may go on unread: closing a connection with unread bytes
resets it, and the answer can be lost."""

_END_OF_HEAD = b"\r\n\r\n"
_CORRELATION_HEADER = CORRELATION_HEADER.lower().encode()
_HOST = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*").fullmatch  # RFC 3986, 3.2.2 and 3.2.3
_VERSIONS = ("1.0", "1.1")


class BoundedProtocol(HttpToolsProtocol):
    """One connection: each request is bounded in bytes and in time until its head is complete.

    Bytes that can't be a request are answered with a problem, logged and counted, and
    the connection is closed.

    Args:
        settings: What uvicorn gives every protocol.
        observer: Where refused requests are logged and counted; None for nowhere.
        held: The budget for what all connections together hold.
    """

    transport: "_Joined"  # type: ignore[assignment]

    def __init__(
        self, *, observer: Observer | None = None, held: ByteBudget | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._observer = observer
        self._budget = held or ByteBudget(HELD_BYTES)
        self._held = 0  # bytes taken from that budget
        self._head_weight = 0  # the head's part of them
        self.url = b""
        self._in_head = True
        self._in_hand = False  # a complete request waits for its answer
        self._head_is_new = False  # its end arrived in this read
        self._tail = b""  # of the head so far, for an end split over two reads
        self._body_left = 0  # of the declared length
        self._trailer_bytes = 0
        self._silent = 0  # bytes of this head, or since the last byte of the body
        self._later, self._later_at = b"", 0  # pipelined bytes, and where they go on
        self._may_begin = False  # a head: once per piece, and not if the piece began as a body
        self._is_behind = False  # one began nevertheless
        self._is_last = False  # nothing more will be read
        self._has_ended = False  # the sender has closed its side
        self._refusal: Exception | None = None
        self._began = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        joined = _Joined(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", joined))
        self.flow = self._flow = _Flow(transport)
        self._expect_within(_HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take arriving bytes; those behind a request in hand wait unread for their turn."""
        if self._is_last:
            return
        if self._in_hand or self._later:
            self._wait(self._later[self._later_at :] + data, 0)
        else:
            self._take(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Note that the sender has closed its side: earlier requests are still answered."""
        self._has_ended = True
        if self._in_hand or self._later:
            return True  # keeps our side open
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its body will never be complete
            self.cycle.message_event.set()
        self.transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything the connection holds."""
        self._forget_deadline()
        if self._idle is not None:
            self._idle.cancel()
        self._later = b""
        self._hold(0)
        self.transport.forget_timers()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that reads an answer more slowly than it is written, within limits."""
        super().pause_writing()
        self.transport.watch_reader()

    def resume_writing(self) -> None:
        """Continue writing, since enough was read."""
        super().resume_writing()
        self.transport.forget_timers()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        if not self._may_begin:
            self._is_behind = True
            raise _EnoughRead
        self._may_begin = False
        self._trailer_bytes = 0
        self._began = time.perf_counter()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers are skipped, since nothing reads them."""
        if self._in_head:  # like uvicorn, but without a second call per header
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))
            return
        self._silent = 0
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > MAX_HEAD_BYTES:
            self._stop(_TOO_LONG)

    def on_headers_complete(self) -> None:
        """End a request's head."""
        version = self.parser.get_http_version()
        self._check_head(version)
        if self.parser.should_upgrade():
            return  # the parser assumes that no body follows; see _ignore_upgrade
        self._in_head, self._head_is_new = False, True
        self._silent, self._tail = 0, b""
        self._forget_deadline()
        self._start(version)

    def _start(self, version: str) -> None:
        """Start the application as uvicorn does, without the parts that queue requests."""
        scope = self.scope
        scope["method"] = self.parser.get_method().decode()
        scope["http_version"] = version
        raw_path, query = _path_and_query(self.url)
        path = raw_path.decode()
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=cast("asyncio.Transport", self.transport),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._silent = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._silent = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End a request.

        If it arrived in one read, hand its body over whole: nobody has read from it yet.
        """
        if self.parser.should_upgrade():
            return
        self._in_head, self._silent = True, 0
        cycle = self.cycle
        if cycle.response_complete:  # before the body ended
            self._forget_request()
            self._expect_within(self.timeout_keep_alive)
            return
        self._in_hand = True
        cycle.more_body = False
        cycle.message_event.set()
        if self._head_is_new:
            self.scope[WHOLE_BODY] = bytes(cycle.body)  # type: ignore[typeddict-unknown-key]

    def on_response_complete(self) -> None:
        """Continue with pipelined bytes, or wait for more."""
        self._in_hand = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._watch_idle(self.timeout_keep_alive)
        if not self._in_head:
            self.cycle.body.clear()  # read ahead, and no longer needed
            if self.expect_100_continue:  # unknown whether the body will come
                self.transport.close()
            self._expect_within(_LINGER_SECONDS)
            return
        self._forget_request()
        if self._later:
            self.loop.call_soon(self._go_on, context=contextvars.Context())
        elif self._has_ended:
            self.transport.close()

    # Arriving bytes, piece by piece

    def _take(self, data: bytes, start: int = 0) -> None:
        self._head_is_new = False
        end = self._end_of_piece(data, start)
        if start == 0 and self._in_head and not self._silent and data.find(_END_OF_HEAD, end) < 0:
            self._take_one(data, end)
        else:
            self._feed(data if end - start == len(data) else memoryview(data)[start:end])
            if end < len(data):
                self._take_rest(data, end)
        if self._in_head and not (self._in_hand or self._is_last):
            if self._deadline is None:
                self._expect_within(_HEAD_SECONDS)
            if self._silent and (refusal := self._weigh_head()):
                self._refuse(refusal)

    def _take_one(self, data: bytes, end: int) -> None:
        """Take a piece at once if it holds at most one head and ends with its request."""
        self._silent = end
        if end > MAX_HEAD_BYTES:
            self._refuse(_TOO_LONG)
            return
        self._may_begin = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
            self._take_rest(data, end)
        except httptools.HttpParserError as error:
            self._part(data, end + self._body_left, error)
        else:
            if self._body_left:
                self._body_left = max(0, self._body_left - (len(data) - end))
            if self._in_head and not self._in_hand:  # only empty lines before it ended there
                self._silent, self._tail = len(data), data[-3:]

    def _part(self, data: bytes, end: int, error: httptools.HttpParserError) -> None:
        """Separate a request from an incomplete one that begins behind it."""
        if not self._in_hand or any(name == b"transfer-encoding" for name, _ in self.headers):
            self._give_up(data, error)
        else:
            self._body_left, self._is_behind = 0, False
            self.parser = httptools.HttpRequestParser(self)
            self._wait(data, end)

    def _give_up(self, piece: bytes | memoryview, error: httptools.HttpParserError) -> None:
        if self._in_hand or self._is_behind:  # behind a chunked body: the sender can repeat it
            self._read_no_more()
        elif not self._is_last and self.parser.get_method() == b"PRI":  # HTTP/2's preface
            self._refuse(_other_version("2"))
        elif not self._is_last:
            self._refuse(self._refusal or _no_http(piece, error))

    def _take_rest(self, data: bytes, position: int) -> None:
        view = memoryview(data)
        while position < len(data) and not (self._is_last or self.transport.is_closing()):
            if self._in_hand:
                self._wait(data, position)
                return
            end = self._end_of_piece(data, position)
            self._feed(view[position:end])
            position = end

    def _wait(self, data: bytes, start: int) -> None:
        """Keep bytes that came too early; at most one more read can follow."""
        self._flow.hold()
        if self._hold(self._head_weight + _weight(data)):
            self._later, self._later_at = data, start
        else:  # the sender can repeat it
            self._later = b""
            self._read_no_more()

    def _go_on(self) -> None:
        data, start = self._later, self._later_at
        self._later = b""
        self._flow.let_go()
        self._hold(0)
        if data and not self._is_last:
            self._take(data, start)
        if self._has_ended and not (self._in_hand or self._later):
            self.eof_received()

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Find the end of this head or body, or of all bytes that arrived of it."""
        if self._in_head:
            tail = self._tail
            if tail and (found := (tail + data[start : start + 3]).find(_END_OF_HEAD)) >= 0:
                return start + found + len(_END_OF_HEAD) - len(tail)
            found = data.find(_END_OF_HEAD, start)
            end = len(data) if found < 0 else found + len(_END_OF_HEAD)
            self._tail = b"" if found >= 0 else (tail + data[max(start, end - 3) : end])[-3:]
            return end
        return min(start + self._body_left, len(data)) if self._body_left else len(data)

    def _feed(self, piece: bytes | memoryview) -> None:
        size = len(piece)
        self._silent += size
        self._may_begin = self._in_head
        if self._in_head:
            if self._silent > MAX_HEAD_BYTES:
                self._refuse(_TOO_LONG)
                return
        elif self._body_left:
            self._body_left -= size
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
        except httptools.HttpParserError as error:
            self._give_up(piece, error)
            return
        if self._silent > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_TOO_LONG)

    def _ignore_upgrade(self) -> None:
        """Read the request as if it had not offered another protocol (RFC 9110, 7.8).

        The parser would take the body for that protocol's, so a fresh parser is given
        the head again without the offer.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HttpProblem(HTTPStatus.NOT_IMPLEMENTED, "This server is not a proxy"))
            return
        version = self.parser.get_http_version().encode()
        kept = [header for header in self.headers if header[0] != b"upgrade"]
        head = [b"%b %b HTTP/%b" % (method, self.url, version)]
        head += [b"%b: %b" % header for header in kept]
        self.parser = httptools.HttpRequestParser(self)
        self._silent = 0
        self._feed(b"\r\n".join([*head, b"", b""]))

    # Bounds

    def _check_head(self, version: str) -> None:
        """Check what the parser does not check, and note the declared length of the body."""
        if (
            self._silent > _FREE_BYTES or len(self.headers) > _FREE_HEADERS or self._head_weight
        ) and (refusal := self._weigh_head()):
            self._stop(refusal)
        host, self._body_left = None, 0
        for name, value in self.headers:
            if name == b"content-length":
                self._body_left = int(value)
            elif name == b"host":
                if host is not None:
                    self._stop(_bad_request("A request should have exactly one Host header"))
                host = value
        if version not in _VERSIONS:
            self._stop(_other_version(version))
        if host is None:
            if version == "1.1":  # RFC 9112, 3.2
                self._stop(_bad_request("A request should have exactly one Host header"))
        elif not _HOST(host):
            self._stop(_bad_request("The Host header is not a host"))

    def _weigh_head(self) -> Exception | None:
        """Charge a head that is long or incomplete; returns why it can't be held."""
        headers = len(self.headers or ())
        if headers > MAX_HEADERS:
            return _TOO_MANY
        self._head_weight = 0
        if self._silent > _FREE_BYTES or headers > _FREE_HEADERS:
            self._head_weight = self._silent + headers * _HEADER_BYTES
        if self._hold(self._head_weight):
            return None
        return Unavailable(Reason.LONG_HEADS)

    def _hold(self, size: int) -> bool:
        """Charge so many bytes as held; returns whether there was room for more."""
        more = size - self._held
        if more > 0 and not self._budget.take_at_once(more):
            return False
        if more < 0:
            self._budget.give_back(-more)
        self._held = size
        return True

    def _forget_request(self) -> None:
        """Drop everything of a finished request: its connection may idle for long."""
        self.cycle = self.scope = self.headers = None  # type: ignore[assignment]
        self.url, self._head_weight = b"", 0
        if self._held:
            self._hold(_weight(self._later))

    def _read_no_more(self) -> None:
        """Answer the request in hand, if any, and read no others."""
        self._is_last = True
        self.transport.farewell_seconds = _FAREWELL_SECONDS
        if self._in_hand:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def _stop(self, refusal: Exception) -> None:
        """Stop the parser from within a callback."""
        self._refusal = refusal
        raise _EnoughRead

    def _expect_within(self, seconds: float) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        if self._began_head():
            self._refuse(HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The headers arrived too slowly"))
        else:
            self.transport.close()

    def _watch_idle(self, seconds: float) -> None:
        """Close an idle connection; one timer serves all of its requests."""
        self._idle = self.loop.call_later(seconds, self._check_idle)

    def _check_idle(self) -> None:
        self._idle = None
        if self._in_hand or self._later or not self._in_head or self._silent:
            return  # the next answer starts it again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._watch_idle(left)
        else:
            self.transport.close()

    def _began_head(self) -> bool:
        return self._in_head and self._silent > 0

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # Refusing

    def _refuse(self, error: Exception) -> None:
        """Answer an error without an application, and close."""
        self._is_last = True
        self.transport.farewell_seconds = _FAREWELL_SECONDS
        running = self.cycle is not None and not self.cycle.response_complete
        if not (running or self._in_head):  # it has been answered already
            self.transport.close()
            return
        if running:  # the body is unreadable from here: tell the application
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        correlation_id = self._correlation_id(running=running)
        answer = answer_error(error, correlation_id)
        self.transport.write(_written(answer, correlation_id))
        self.transport.close()
        if not running and self._observer is not None:  # otherwise the application logs it
            context = contextvars.copy_context()
            context.run(self._observe, self._observer, correlation_id, answer.status, error)
        self.scope = self.headers = None  # type: ignore[assignment]
        self._hold(0)

    def _observe(
        self, observer: Observer, correlation_id: str, status: int, error: Exception
    ) -> None:
        logs.correlation_id.set(correlation_id)
        seconds = time.perf_counter() - self._began if self._began else 0.0
        target = str(self.url, "latin-1") if self._began_head() else ""
        observer.answered(
            method=self.parser.get_method().decode() if target else "",
            path=target.partition("?")[0],
            route=None,
            status=int(status),
            seconds=seconds,
            facts={**self._sender(observer), "reason": str(error)},
        )

    def _sender(self, observer: Observer) -> dict[str, str]:
        peer = self.client
        return observer.senders.facts(peer[0] if peer else None, self.headers or ())

    def _correlation_id(self, *, running: bool) -> str:
        """Take the sender's id if it has been read, or the one given to its request."""
        if running and (given := self.cycle.scope["state"].get("correlation_id")):
            return str(given)
        if self._in_head and not self._silent:
            return correlation_id_of(None)
        for name, value in self.headers or ():
            if name == _CORRELATION_HEADER:
                return correlation_id_of(str(value, "latin-1"))
        return correlation_id_of(None)


class _EnoughRead(Exception):
    """Stops the parser here."""


_TOO_MANY: Final = HttpProblem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"A request may have at most {MAX_HEADERS} headers"
)
_TOO_LONG: Final = HttpProblem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"The request line and headers may have at most {MAX_HEAD_BYTES} bytes together, and trailers "
    "as many",
)


def _path_and_query(target: bytes) -> tuple[bytes, bytes]:
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    url = httptools.parse_url(target)
    return url.path or b"/", url.query or b""


def _weight(later: bytes) -> int:
    return len(later) if len(later) > _FREE_BYTES else 0


def _bad_request(message: str) -> Invalid:
    return Invalid([Fault("", "http_invalid", message)])


def _other_version(version: str) -> HttpProblem:
    detail = f"HTTP/{version} is not supported: send HTTP/1.1"
    return HttpProblem(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, detail)


def _no_http(piece: bytes | memoryview, error: httptools.HttpParserError) -> Invalid:
    """Explain why a head or a body can't be parsed."""
    line = bytes(piece[:MAX_HEAD_BYTES]).partition(b"\r\n")[0]
    if isinstance(error, httptools.HttpParserInvalidURLError) and not line.isascii():
        return _bad_request("The target has bytes outside ASCII: percent-encode them")
    return _bad_request(f"This is not an HTTP/1.1 request: {error}")


def _written(answer: Response, correlation_id: str) -> bytes:
    headers = {
        "date": formatdate(usegmt=True),
        "content-type": answer.content_type,
        "content-length": str(len(answer.body)),
        CORRELATION_HEADER.lower(): correlation_id,
        **{name.lower(): value for name, value in answer.headers.items()},
        "connection": "close",
    }
    lines = [
        f"HTTP/1.1 {answer.status} {title_of(answer.status)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body


class _Flow(FlowControl):
    """Flow control by uvicorn, except that reading never resumes while something is held."""

    _is_held = False

    def hold(self) -> None:
        self._is_held = True
        self.pause_reading()

    def let_go(self) -> None:
        self._is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self._is_held:
            super().resume_reading()


class _Joined:
    """A transport that joins all writes of one turn of the loop.

    An answer's head and body are written one after the other; apart, each would cost a
    system call, a packet, and another wake-up of the reader.

    Attributes:
        farewell_seconds: How long the sender may go on after it was closed.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._farewell: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.farewell_seconds = 0.0
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def is_closing(self) -> bool:
        return self._farewell is not None or self._transport.is_closing()

    def close(self) -> None:
        """Close; a second call closes at once, even if the sender is still sending."""
        self._flush()
        if self._farewell is not None:
            self._farewell.cancel()
        elif self.farewell_seconds and not self._transport.is_closing():
            with suppress(OSError):  # it may be gone
                self._transport.write_eof()
            self._transport.resume_reading()
            self._farewell = self._loop.call_later(self.farewell_seconds, self._end)
            return
        self._end()

    def watch_reader(self) -> None:
        """Abort as soon as the client reads more slowly than required."""
        if self._watch is None:
            self._wait_for_reader(self._transport.get_write_buffer_size())

    def forget_timers(self) -> None:
        """Cancel all waiting."""
        for timer in (self._watch, self._farewell):
            if timer is not None:
                timer.cancel()
        self._watch = None

    def _wait_for_reader(self, waiting: int) -> None:
        self._watch = self._loop.call_later(_READING_SECONDS, self._check_reader, waiting)

    def _check_reader(self, waiting_before: int) -> None:
        self._watch = None
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            return
        if waiting > waiting_before - _LEAST_READ_BYTES:
            self._transport.abort()
        else:
            self._wait_for_reader(waiting)

    def _end(self) -> None:
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self.watch_reader()

    def _flush(self) -> None:
        if self._pieces and self._farewell is None:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()
