"""Read a request's body: against its limit while it streams, unpacked, within the budget."""

import asyncio
import io
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus

from functions.errors import Fault, Invalid, Unavailable
from runtime.http.answers import HttpProblem
from runtime.http.byte_budget import ByteBudget
from runtime.http.request import Headers
from runtime.settings import BodySettings

SMALL_BYTES = 256 * 1024
"""Bodies up to here have a budget of their own, so that large ones never starve them."""

SMALL_BUDGET_BYTES = 32 * 1024**2

BEGINNING_BYTES = 16 * 1024
"""What of a body that still comes takes no room: who declares a large one and
sends a byte a second would keep that room from all others. Of all requests in
hand that is 64 MB at the most, and less than the server reads ahead of each."""

_UNPACK_BYTES = 1024**2
_GZIP = 16 + zlib.MAX_WBITS


class BodyReader:
    """Reads bodies for one gateway.

    Args:
        limit: The most bytes of one body, unpacked.
        bytes_in_flight: The most bytes of all large bodies together.
        timeout_seconds: How long a body may take to arrive, and to wait for its turn.

    Attributes:
        small: The budget of small bodies.
        large: That of the others.
    """

    def __init__(self, *, limit: int, bytes_in_flight: int, timeout_seconds: float) -> None:
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        self.small = ByteBudget(SMALL_BUDGET_BYTES)
        self.large = ByteBudget(bytes_in_flight)

    def read(
        self, headers: Headers, stream: AsyncIterator[bytes], whole: bytes | None = None
    ) -> AbstractAsyncContextManager[bytes]:
        """Hold a body while the context is open; outside of it, its bytes count no more.

        Args:
            headers: The request's.
            stream: The body as it arrives; not touched when its length alone is too much.
            whole: The same body, if all of it has come already.

        Raises:
            HttpProblem: It is too large, too slow, or packed in an unknown way.
            Invalid: It can't be unpacked.
            Unavailable: There was no room for it for too long.
        """
        if whole is not None and self._has_room(whole, headers):
            return _Held(whole, self.small)
        return self._read(headers, stream)

    def _has_room(self, whole: bytes, headers: Headers) -> bool:
        """Take room for a small body that is there, if it needs no more than that."""
        return (
            len(whole) <= min(SMALL_BYTES, self._limit)
            and not headers.get("content-encoding", "")
            and self.small.take_at_once(len(whole))
        )

    @asynccontextmanager
    async def _read(self, headers: Headers, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        packed = _is_packed(headers.get("content-encoding", ""))
        declared = int(headers.get("content-length", "") or -1)
        if declared > self._limit and not packed:
            raise self._too_large()
        async with AsyncExitStack() as held:
            chunks = _timed(stream, self._timeout_seconds)
            if packed:
                yield await self._collect(_unpacked(chunks), -1, held)
            else:
                yield await self._collect(chunks, declared, held)

    async def _collect(
        self, chunks: AsyncIterator[bytes], expected: int, held: AsyncExitStack
    ) -> bytes:
        """Gather a body, taking room for it as soon as it is more than a beginning."""
        body = io.BytesIO()  # gives its bytes away without a copy
        size = room = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._limit:
                raise self._too_large()
            if size > max(room, BEGINNING_BYTES):
                room = await self._hold(held, self._room_for(size, expected))
            body.write(chunk)
        if not room:
            await self._hold(held, size)
        return body.getvalue()

    def _room_for(self, size: int, expected: int) -> int:
        """Tell how much room a body needs of which so many bytes have come, and may come."""
        if expected >= 0:
            return expected
        return SMALL_BYTES if size <= SMALL_BYTES else self._limit

    async def _hold(self, held: AsyncExitStack, size: int) -> int:
        budget = self.small if size <= SMALL_BYTES else self.large
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await held.enter_async_context(budget.hold(size))
        except TimeoutError as error:
            raise Unavailable("too many bytes in hand") from error
        return size

    def _too_large(self) -> HttpProblem:
        return HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have {self._limit} bytes at most"
        )


def body_reader(settings: BodySettings) -> BodyReader:
    """Make the reader of a function."""
    return BodyReader(
        limit=settings.body_size_limit,
        bytes_in_flight=settings.body_bytes_in_flight,
        timeout_seconds=settings.body_timeout_seconds,
    )


class _Held:
    """A body for which there was room at once: nothing to wait for, nothing to time.

    Most requests are such, and the general way costs as much as all the rest of one.
    """

    __slots__ = ("_body", "_budget")

    def __init__(self, body: bytes, budget: ByteBudget) -> None:
        self._body = body
        self._budget = budget

    async def __aenter__(self) -> bytes:
        return self._body

    async def __aexit__(self, *_error: object) -> None:
        self._budget.give_back(len(self._body))


def _is_packed(encoding: str) -> bool:
    match encoding.strip().lower():
        case "" | "identity":
            return False
        case "gzip" | "x-gzip":
            return True
        case _:
            raise HttpProblem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "Content-Encoding should be gzip or identity",
                {"Accept-Encoding": "gzip"},
            )


async def _timed(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Pass chunks on while the sender takes no longer for all of them; our own time is not its."""
    clock = asyncio.get_running_loop().time
    while True:
        started = clock()
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly") from error
        seconds -= clock() - started
        yield chunk


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Unpack gzip, a bounded piece at a time: a bomb is met by the limit, not by the memory."""
    unpacker = zlib.decompressobj(_GZIP)
    async for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker.eof:  # a gzip file may have several members
                unpacker = zlib.decompressobj(_GZIP)
            try:
                yield unpacker.decompress(rest, _UNPACK_BYTES)
            except zlib.error as error:
                raise Invalid([Fault("", "gzip", "The body is not gzip")]) from error
            rest = unpacker.unconsumed_tail or unpacker.unused_data
            await asyncio.sleep(0)  # one chunk can unpack to a thousand times its size
    if not unpacker.eof:
        raise Invalid([Fault("", "gzip", "The body ends before its gzip does")])
