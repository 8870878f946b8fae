"""A budget of bytes shared by all requests in hand, first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """Limits the bytes that are held at once; requests for more wait in line.

    Args:
        total: Maximum bytes of all holders together.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many requests wait in line."""
        return len(self._line)

    def filled(self) -> float:
        """Return the share that is held, 0 to 1."""
        return 1 - self._free / self._total

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Hold bytes while the context is open.

        Args:
            size: How many; more than the whole budget counts as the whole.
        """
        size = min(size, self._total)
        await self._take(size)
        try:
            yield
        finally:
            self.give_back(size)

    def take_at_once(self, size: int) -> bool:
        """Take bytes if that needs no waiting; returns whether they were taken.

        The caller has to give them back.
        """
        if self._line or size > self._free:  # has_room inlined: every small request asks
            return False
        self._free -= size
        return True

    def has_room(self, size: int) -> bool:
        """Return whether so many bytes could be taken without waiting."""
        return not self._line and size <= self._free

    def give_back(self, size: int) -> None:
        """Return the taken bytes."""
        self._free += size
        self._serve()

    async def _take(self, size: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._line.append((size, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # served and cancelled in the same turn
                self._free += size
            self._serve()
            raise

    def _serve(self) -> None:
        while self._line:
            size, turn = self._line[0]
            if not turn.cancelled():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._line.popleft()
