"""HTTP/1.1 on the wire: uvicorn's protocol, with bounds on a request's head."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runtime.http.answers import CORRELATION_HEADER, correlation_id_of, problem

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers; the parser would take any number, at a quadratic price."""

_HEAD_SECONDS = 30.0
"""How long a head may take; a body has a limit of its own."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too long or too slow, and what is no HTTP, with a problem."""

    _head_bytes = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came; what is still head afterwards counts against its bounds."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long")
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._too_late)

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a request's head."""
        self._in_head = False
        self._forget_deadline()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be parsed."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _too_late(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The headers came too slowly")

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without any application, and close."""
        correlation_id = correlation_id_of(None)
        answer = problem(status, detail, correlation_id)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: {answer.content_type}\r\n"
            f"content-length: {len(answer.body)}\r\n"
            f"{CORRELATION_HEADER}: {correlation_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + answer.body)
        self.transport.close()
