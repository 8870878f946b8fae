"""HTTP/1.1 on the wire: uvicorn's protocol, held to what RFC 9110 and 9112 ask of a server.

It feeds the parser one request at a time, head and body apart, so that no byte
of a body is ever taken for a request, and what is pipelined waits unread.
"""

import asyncio
import contextvars
import re
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from functions.errors import Fault, Invalid
from runtime import logs
from runtime.http.answers import (
    CORRELATION_HEADER,
    HttpProblem,
    answer_error,
    correlation_id_of,
)
from runtime.http.asgi import WHOLE_BODY
from runtime.http.observing import Observer

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers, and trailers as much again; the parser would take
any number of them, at a quadratic price."""

_HEAD_SECONDS = 30.0
"""How long a connection may be silent before its first request, and how long
a head may take; a body has a limit of its own."""

_LINGER_SECONDS = 10.0
"""How long the rest of a body may take whose request was answered already: who
is still writing reads the answer only then."""

_END_OF_HEAD = b"\r\n\r\n"
_CORRELATION_HEADER = CORRELATION_HEADER.lower().encode()
_HOST = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*").fullmatch  # RFC 3986, 3.2.2 and 3.2.3
_VERSIONS = ("1.0", "1.1")


class BoundedProtocol(HttpToolsProtocol):
    """One connection: its requests, each bounded in bytes and in time until its head is complete.

    What can't be a request is answered with a problem, logged and counted, and
    the connection is closed.

    Args:
        settings: What uvicorn gives every protocol.
        observer: Where refused requests are logged and counted; None for nowhere.
    """

    def __init__(self, *, observer: Observer | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._observer = observer
        self.url = b""
        self._in_head = True
        self._in_hand = False  # a whole request waits for its answer
        self._head_is_new = False  # it ended in this read
        self._tail = b""  # of the head so far, for an end that comes in two reads
        self._body_left = 0  # of a declared length
        self._trailer_bytes = 0
        self._silent = 0  # bytes of this head, or since there was any of the body
        self._later = b""  # what was pipelined behind the request in hand
        self._is_last = False  # nothing more is read
        self._has_ended = False  # the sender has said all
        self._refusal: Exception | None = None
        self._began = 0.0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(cast("asyncio.Transport", _Joined(transport, self.loop)))
        self.flow = self._flow = _Flow(self.transport)
        self._expect_within(_HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take what came; what is behind a request in hand waits for its turn, unread."""
        self._unset_keepalive_if_required()
        if self._is_last:
            return
        if self._in_hand or self._later:
            self._wait(self._later + data)
        else:
            self._take(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Note that the sender has said all: what it asked before is still answered."""
        self._has_ended = True
        if self._in_hand or self._later:
            return True  # keeps the way back open
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its body never ends
            self.cycle.message_event.set()
        self.transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget_deadline()
        self._later = b""
        super().connection_lost(exc)

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        if self._in_hand:  # behind a body in chunks, in the same read: its sender asks again
            self._is_last = True
            self.cycle.keep_alive = False
            raise _EnoughRead
        self._trailer_bytes = 0
        self._began = time.perf_counter()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers are read over, as nobody asks for them."""
        if self._in_head:  # as uvicorn does, without a second call for each
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
        self._check_head()
        if self.parser.should_upgrade():
            return  # the parser believes that no body follows; see _ignore_upgrade
        self._in_head, self._head_is_new = False, True
        self._silent, self._tail = 0, b""
        self._forget_deadline()
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._silent = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._silent = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; one that came at once is handed over at once, as no one read of it yet."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._in_head, self._silent = True, 0
        self._in_hand = not self.cycle.response_complete
        if self._head_is_new:
            self.scope[WHOLE_BODY] = bytes(self.cycle.body)  # type: ignore[typeddict-unknown-key]
        if not self._in_hand:  # it was answered before its body had ended
            self._expect_within(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """Go on with what was pipelined, or wait for more."""
        self._in_hand = False
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if not self._in_head:
            if self.expect_100_continue:  # nobody knows whether the body will come
                self.transport.close()
            self._expect_within(_LINGER_SECONDS)
        elif self._later:
            self.loop.call_soon(self._go_on, context=contextvars.Context())
        elif self._has_ended:
            self.transport.close()

    # What comes, piece by piece

    def _take(self, data: bytes) -> None:
        self._head_is_new = False
        position = self._end_of_piece(data, 0)
        self._feed(data if position == len(data) else data[:position])
        if position < len(data):
            self._take_rest(data, position)
        if self._in_head and self._deadline is None and not self._in_hand:
            self._expect_within(_HEAD_SECONDS)

    def _take_rest(self, data: bytes, position: int) -> None:
        view = memoryview(data)
        while position < len(data) and not (self._is_last or self.transport.is_closing()):
            if self._in_hand:
                self._wait(data[position:])
                return
            end = self._end_of_piece(data, position)
            self._feed(view[position:end])
            position = end

    def _wait(self, data: bytes) -> None:
        """Keep what came too early; at most one more read can follow it."""
        self._later = data
        self._flow.hold()

    def _go_on(self) -> None:
        data, self._later = self._later, b""
        self._unset_keepalive_if_required()
        self._flow.let_go()
        self._take(data)
        if self._has_ended and not (self._in_hand or self._later):
            self.eof_received()

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Tell where this head ends, or this body, or all that came of either."""
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
        if self._in_head:
            if self._silent > MAX_HEAD_BYTES:
                self._refuse(_TOO_LONG)
                return
        elif self._body_left:
            self._body_left -= size
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._ignore_upgrade()
            if rest := bytes(piece[offer.args[0] :]):  # behind the end of a body in chunks
                self._take(rest)
        except httptools.HttpParserError as error:
            if not self._is_last:
                self._refuse(self._refusal or _no_http(piece, error))
            return
        if self._silent > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_TOO_LONG)

    def _ignore_upgrade(self) -> None:
        """Read the request as if it had not offered another protocol (RFC 9110, 7.8).

        The parser then takes the body for that protocol's: another one is given
        the head again, without the offer.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HttpProblem(HTTPStatus.NOT_IMPLEMENTED, "This server is no proxy"))
            return
        version = self.parser.get_http_version().encode()
        kept = [header for header in self.headers if header[0] != b"upgrade"]
        head = [b"%b %b HTTP/%b" % (method, self.url, version)]
        head += [b"%b: %b" % header for header in kept]
        self.parser = httptools.HttpRequestParser(self)
        self._silent = 0
        self._feed(b"\r\n".join([*head, b"", b""]))

    # Bounds

    def _check_head(self) -> None:
        """Check what the parser lets pass, and note the declared length of the body."""
        host = None
        for name, value in self.headers:
            if name == b"content-length":
                self._body_left = int(value)
            elif name == b"host":
                if host is not None:
                    self._stop(_bad_request("A request should have one Host header"))
                host = value
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            detail = f"HTTP/{version} is not spoken here: send HTTP/1.1"
            self._stop(HttpProblem(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, detail))
        if host is None:
            if version == "1.1":  # RFC 9112, 3.2
                self._stop(_bad_request("A request should have one Host header"))
        elif not _HOST(host):
            self._stop(_bad_request("The Host header is no host"))

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
            self._refuse(HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The headers came too slowly"))
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
        """Answer an error without any application, and close."""
        self._is_last = True
        running = self.cycle is not None and not self.cycle.response_complete
        if running:  # the body can't be read on: its application is told that it never ends
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        correlation_id = self._correlation_id(running=running)
        answer = answer_error(error, correlation_id)
        head = (
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            f"date: {formatdate(usegmt=True)}\r\n"
            f"content-type: {answer.content_type}\r\n"
            f"content-length: {len(answer.body)}\r\n"
            f"{CORRELATION_HEADER.lower()}: {correlation_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + answer.body)
        self.transport.close()
        if not running and self._observer is not None:  # else the application's line tells of it
            context = contextvars.copy_context()
            context.run(self._observe, self._observer, correlation_id, answer.status, error)

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
            facts={"reason": str(error)},
        )

    def _correlation_id(self, *, running: bool) -> str:
        """Take over the sender's id, where that was read, or the one that its request was given."""
        if running and (given := self.cycle.scope["state"].get("correlation_id")):
            return str(given)
        if self._in_head and not self._silent:
            return correlation_id_of(None)
        for name, value in self.headers or ():
            if name == _CORRELATION_HEADER:
                return correlation_id_of(str(value, "latin-1"))
        return correlation_id_of(None)


class _EnoughRead(Exception):  # noqa: N818 - no error: how a callback stops the parser
    """The parser is to stop here."""


_TOO_LONG: Final = HttpProblem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"Request line and headers may have {MAX_HEAD_BYTES} bytes at most, and trailers as many",
)


def _bad_request(message: str) -> Invalid:
    return Invalid([Fault("", "http_invalid", message)])


def _no_http(piece: bytes | memoryview, error: httptools.HttpParserError) -> Invalid:
    """Say why a head or a body can't be parsed."""
    line = bytes(piece[:MAX_HEAD_BYTES]).partition(b"\r\n")[0]
    if isinstance(error, httptools.HttpParserInvalidURLError) and not line.isascii():
        return _bad_request("The target has bytes outside ASCII: percent-encode them")
    return _bad_request(f"This is no HTTP/1.1 request: {error}")


class _Flow(FlowControl):
    """Reading is paused and resumed by uvicorn, but never resumed while something is held."""

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
    """A transport that writes what comes in one turn of the loop at once.

    An answer's head and body come one after the other; each alone would be a
    system call, a packet, and a second waking of whoever reads them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()
