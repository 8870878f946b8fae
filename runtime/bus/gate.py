"""A gate that lets any number of batches be in hand, or one alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets any number of a process's batches be in hand, or one message alone."""

    def __init__(self) -> None:
        self._entering = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Condition()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Be in hand together with others."""
        async with self._entering:
            self._inside += 1
        try:
            yield
        finally:
            async with self._empty:
                self._inside -= 1
                self._empty.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nothing is in hand, and let nothing begin meanwhile."""
        async with self._entering:
            async with self._empty:
                await self._empty.wait_for(lambda: not self._inside)
            yield
