"""Do something now and then until told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait that long, or until ``stop`` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def every(seconds: float, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield at once and then after each pause, until ``stop`` is set.

    Args:
        seconds: The pause between the end of one round and the next.
        stop: Ends the loop, and a pause at once.
    """
    while not stop.is_set():
        yield
        await pause(seconds, stop)
