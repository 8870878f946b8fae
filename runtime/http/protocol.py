"""HTTP/1.1 on the wire: uvicorn's protocol, with bounds on a request's head."""

import asyncio
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from functions.errors import Fault, Invalid
from runtime.http.answers import (
    CORRELATION_HEADER,
    HttpProblem,
    answer_error,
    correlation_id_of,
)
from runtime.http.asgi import WHOLE_BODY

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers; the parser would take any number, at a quadratic price."""

_HEAD_SECONDS = 30.0
"""How long a head may take; a body has a limit of its own."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too long or too slow, and what is no HTTP, with a problem."""

    _head_bytes = 0
    _in_head = True
    _head_is_new = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(cast("asyncio.Transport", _Joined(transport, self.loop)))

    def data_received(self, data: bytes) -> None:
        """Take what came; what is still head afterwards counts against its bounds."""
        self._head_is_new = False
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(
                HttpProblem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long")
            )
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._too_late)

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a request's head."""
        self._in_head, self._head_is_new = False, True
        self._forget_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request; one that came at once is handed over at once, as no one read of it yet."""
        super().on_message_complete()
        if self._head_is_new:
            self.scope[WHOLE_BODY] = bytes(self.cycle.body)  # type: ignore[typeddict-unknown-key]

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be parsed."""
        self._refuse(Invalid([Fault("", "http_invalid", msg)]))

    def _too_late(self) -> None:
        self._refuse(HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The headers came too slowly"))

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, error: Exception) -> None:
        """Answer an error without any application, and close."""
        correlation_id = correlation_id_of(None)
        answer = answer_error(error, correlation_id)
        head = (
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            f"content-type: {answer.content_type}\r\n"
            f"content-length: {len(answer.body)}\r\n"
            f"{CORRELATION_HEADER}: {correlation_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + answer.body)
        self.transport.close()


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
