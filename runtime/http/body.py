"""Read a request's body as it streams: bounded in size, decompressed, within the byte budget."""

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus

from functions.errors import Fault, Invalid, Unavailable
from runtime.http.byte_budget import ByteBudget
from runtime.http.request import Headers
from runtime.http.responses import HttpProblem
from runtime.settings import BodySettings
from runtime.telemetry.reasons import Reason

SMALL_BYTES = 256 * 1024
"""Bodies up to this size have a budget of their own, so that large ones never starve them."""

SMALL_BUDGET_BYTES = 32 * 1024**2

BEGINNING_BYTES = 16 * 1024
"""Bytes of an arriving body that are not charged to the budget. Otherwise a slow sender that
declares a large body would hold room others need. For all requests in hand this is 64 MB
at most, and less than the server reads ahead of each."""

BEGINNINGS = 2_000
"""How many bodies may be at their beginning at once: half of the requests in hand, so that
requests whose body arrives with the head always find a place."""

_BEGINNING_SECONDS = 1.0
"""How long a body may stay at its beginning while others need the place."""

WAITING_BODIES = 128
"""How many bodies may wait for room. Each holds what the server has read ahead, at most 320 KB,
outside the budgets: 40 MB for large bodies, and as much for small ones."""

_GRACE_SECONDS = 10.0
_LEAST_BYTES_A_SECOND = 1024
"""A sender slower than this after a grace period loses its place to others. While others wait
for room, a sender that holds some must send fast enough to fill it within the time that a
body may take."""

_UNPACK_BYTES = 1024**2
_PACKED_PIECE_BYTES = 64 * 1024
"""How much of a chunk is decompressed at a time: zlib copies the remainder after each member."""

_MAX_MEMBERS = 1_000
"""Limit for one gzip body: one made of many files has some hundreds; an empty one costs 9 us."""

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_BEGINS = 0x1F
_GARBAGE = "The body has bytes after its gzip data that are not gzip"


class BodyReader:
    """Reads bodies for one gateway.

    Args:
        limit: Maximum bytes of one body, decompressed.
        bytes_in_flight: Maximum bytes of all large bodies together.
        timeout_seconds: How long a body may take to arrive, and to wait for its turn.
        event_size_limit: Maximum bytes of one event in it.

    Attributes:
        event_size_limit: For the code that splits the body.
        small: The budget of small bodies.
        large: The budget of large bodies.
    """

    def __init__(
        self,
        *,
        limit: int,
        bytes_in_flight: int,
        timeout_seconds: float,
        event_size_limit: int = 1024**2,
    ) -> None:
        self.event_size_limit = event_size_limit
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        self._beginnings: dict[_Arrival, None] = {}  # in the order in which they began
        self._arrivals: set[_Arrival] = set()  # of those that hold room
        self.small = ByteBudget(SMALL_BUDGET_BYTES)
        self.large = ByteBudget(bytes_in_flight)

    def read(
        self, headers: Headers, stream: AsyncIterator[bytes], whole: bytes | None = None
    ) -> AbstractAsyncContextManager[bytes]:
        """Hold a body, and charge its bytes to the budget, while the context is open.

        Args:
            headers: The request's.
            stream: The body as it arrives; not read if its declared length is already too large.
            whole: The same body, if all of it has arrived already.

        Raises:
            HttpProblem: It is too large, too slow, or has an unknown encoding.
            Invalid: It can't be decompressed.
            Unavailable: There was no room for it for too long.
        """
        if whole is not None and self._has_room(whole, headers):
            return _Held(whole, self.small)
        return self._read(headers, stream)

    def _has_room(self, whole: bytes, headers: Headers) -> bool:
        """Take room for a small body that has arrived, if it needs nothing else."""
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
            arrival = self._begin()
            try:
                chunks = arrival.timed(stream)
                if packed:
                    body = await self._collect(_unpacked(chunks, self._limit), -1, arrival, held)
                else:
                    body = await self._collect(chunks, declared, arrival, held)
            finally:
                self._beginnings.pop(arrival, None)
                self._arrivals.discard(arrival)
            yield body

    def _begin(self) -> "_Arrival":
        """Give an arriving body a place; if none is free, take the place of the slowest.

        Raises:
            Unavailable: All of them have only just begun.
        """
        arrival = _Arrival(self._timeout_seconds)
        if len(self._beginnings) >= BEGINNINGS:
            oldest = next(iter(self._beginnings))
            if arrival.began - oldest.began < _BEGINNING_SECONDS:
                raise Unavailable(Reason.BODIES)
            del self._beginnings[oldest]
            oldest.give_up()
        self._beginnings[arrival] = None
        return arrival

    async def _collect(
        self,
        chunks: AsyncIterator[bytes],
        expected: int,
        arrival: "_Arrival",
        held: AsyncExitStack,
    ) -> bytes:
        """Gather a body, taking room for it as soon as it outgrows its beginning."""
        body = io.BytesIO()  # gives its bytes away without a copy
        size = room = 0
        async for chunk in chunks:
            size += len(chunk)
            arrival.size = size
            if size > self._limit:
                raise self._too_large()
            if size > max(room, BEGINNING_BYTES):
                self._beginnings.pop(arrival, None)
                room = await self._hold(held, self._room_for(size, expected))
                arrival.room = room
                self._arrivals.add(arrival)
                if self._budget_for(room).waiting:
                    arrival.hurry()
            body.write(chunk)
        if not room:
            await self._hold(held, size)
        return body.getvalue()

    def _room_for(self, size: int, expected: int) -> int:
        """Return the room a body needs, from the bytes arrived and those expected."""
        if expected >= 0:
            return expected
        return SMALL_BYTES if size <= SMALL_BYTES else self._limit

    async def _hold(self, held: AsyncExitStack, size: int) -> int:
        budget = self._budget_for(size)
        if budget.waiting >= WAITING_BODIES:
            raise Unavailable(Reason.WAITING_BODIES)
        if not budget.has_room(size):
            for arrival in self._arrivals:
                if self._budget_for(arrival.room) is budget:
                    arrival.hurry()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await held.enter_async_context(budget.hold(size))
        except TimeoutError as error:
            raise Unavailable(Reason.BYTES) from error
        return size

    def _budget_for(self, size: int) -> ByteBudget:
        return self.small if size <= SMALL_BYTES else self.large

    def _too_large(self) -> HttpProblem:
        return HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have at most {self._limit} bytes"
        )


def body_reader(settings: BodySettings) -> BodyReader:
    """Make a function's body reader from its settings."""
    return BodyReader(
        limit=settings.body_size_limit,
        bytes_in_flight=settings.body_bytes_in_flight,
        timeout_seconds=settings.body_timeout_seconds,
        event_size_limit=settings.event_size_limit,
    )


class _Held:
    """A body for which there was room at once, so that nothing is waited for or timed.

    Most requests are of this kind; the general way costs as much as the rest of a request.
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


class _Arrival:
    """An arriving body: how fast it comes, and how fast it has to.

    Attributes:
        began: When, on the loop's clock.
        size: How many bytes have arrived, decompressed.
        room: How many bytes of the budget it holds.
    """

    def __init__(self, seconds: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._seconds = seconds
        self._spent = 0.0  # spent by the sender; our own time does not count
        self._least_a_second = float(_LEAST_BYTES_A_SECOND)
        self._waiting: asyncio.Timeout | None = None
        self._waits_since = 0.0
        self.began = self._clock()
        self.size = self.room = 0

    def hurry(self) -> None:
        """Require the pace that its room asks for, because others wait for that room."""
        self._least_a_second = max(_LEAST_BYTES_A_SECOND, self.room / self._seconds)
        self._reschedule()

    def give_up(self) -> None:
        """Stop waiting for the rest of it."""
        self._seconds = 0
        self._reschedule()

    def _reschedule(self) -> None:
        if self._waiting is not None:
            self._waiting.reschedule(self._waits_since + self._may_take())

    async def timed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass chunks on while the sender stays within the time allowed for all of them."""
        while True:
            self._waits_since = self._clock()
            try:
                async with asyncio.timeout(self._may_take()) as self._waiting:
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise HttpProblem(
                    HTTPStatus.REQUEST_TIMEOUT, "The body arrived too slowly"
                ) from error
            finally:
                self._waiting = None
            self._spent += self._clock() - self._waits_since
            yield chunk

    def _may_take(self) -> float:
        pace_seconds = _GRACE_SECONDS + self.size / self._least_a_second
        return min(self._seconds, pace_seconds) - self._spent


async def _unpacked(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Decompress gzip in bounded pieces, so that a bomb meets the limit and not the memory."""
    gzip, packed_bytes = _Gzip(), 0
    async for chunk in chunks:
        packed_bytes += len(chunk)
        if packed_bytes > limit + limit // 100 + _PACKED_PIECE_BYTES:  # stored blocks, and a header
            detail = f"The body may have at most {limit} bytes, and hardly more when compressed"
            raise HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        for start in range(0, len(chunk), _PACKED_PIECE_BYTES):
            for piece in gzip.unpack(chunk[start : start + _PACKED_PIECE_BYTES]):
                yield piece
                await asyncio.sleep(0)  # one chunk can unpack to a thousand times its size
    gzip.end()


class _Gzip:
    """A gzip file that arrives in pieces; it may have several members and trailing NUL bytes."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(_GZIP)
        self._members = 1

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """Decompress a piece, a bounded part at a time.

        Raises:
            Invalid: It is not gzip, or has too many members.
        """
        while packed:
            if self._unpacker.eof:
                packed = packed.lstrip(b"\0")  # tapes and C programs pad with them
                if not packed:
                    return
                self._begin_member(packed)
            try:
                yield self._unpacker.decompress(packed, _UNPACK_BYTES)
            except zlib.error as error:
                detail = "The body is not gzip" if self._members == 1 else _GARBAGE
                raise _no_gzip(detail) from error
            packed = self._unpacker.unconsumed_tail or self._unpacker.unused_data

    def end(self) -> None:
        """Check that the file is complete.

        Raises:
            Invalid: It is not.
        """
        if not self._unpacker.eof:
            raise _no_gzip("The body ends before its gzip data do")

    def _begin_member(self, packed: bytes) -> None:
        if packed[0] != _GZIP_BEGINS:
            raise _no_gzip(_GARBAGE)
        if self._members == _MAX_MEMBERS:
            raise _no_gzip(f"The body has more than {_MAX_MEMBERS} gzip members")
        self._members += 1
        self._unpacker = zlib.decompressobj(_GZIP)


def _no_gzip(detail: str) -> Invalid:
    return Invalid([Fault("", "gzip", detail)])
