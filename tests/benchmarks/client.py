"""A light HTTP/1.1 client: one request after another on a persistent connection."""

import asyncio
import re
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ERROR = 0
"""The status of a request that got no answer."""


def post_request(path: str, body: bytes) -> bytes:
    """Write a POST of JSON, head and body."""
    return (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    )


class Connection(asyncio.Protocol):
    """One connection; opened at the first use, and again after it was lost."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    async def open(self) -> None:
        """Connect, unless connected."""
        if self._transport is None:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, self._host, self._port)

    async def send(self, request: bytes) -> int:
        """Send a request and return the status of its answer; ``ERROR`` if there is none."""
        try:
            await self.open()
        except OSError:
            return ERROR
        self._answer = asyncio.get_running_loop().create_future()
        cast("asyncio.Transport", self._transport).write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._received = b""
        self._settle(ERROR)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, head_end) if head_end > 0 else None
        if length is None or len(received) < head_end + 4 + int(length[1]):
            self._received = received
            return
        self._received = b""
        self._settle(int(received[9:12]))

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)
