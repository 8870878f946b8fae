"""Wait until a started component answers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from runtime.local.embedded.tasks import cancel

Check = Callable[[], Awaitable[None]]
"""Returns when it answers; raises ``NotReady`` when it does not yet."""

_POLL_SECONDS = 0.02


class StartFailed(Exception):
    """Something required could not be started."""


class NotReady(Exception):
    """It does not answer yet."""


async def until_ready(
    name: str, check: Check, *, hopeless: Coroutine[Any, Any, str], seconds: float
) -> None:
    """Wait until ``check`` returns.

    Args:
        name: The component.
        check: Checks whether it answers.
        hopeless: Returns the reason once waiting has become pointless.
        seconds: How long it may take.

    Raises:
        StartFailed: Waiting became pointless, or took longer.
    """
    ready = asyncio.create_task(_poll(name, check, seconds))
    given_up = asyncio.create_task(hopeless)
    try:
        await asyncio.wait([ready, given_up], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise StartFailed(given_up.result())
        ready.result()
    finally:
        await cancel(ready, given_up)


async def _poll(name: str, check: Check, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    limit = clock() + seconds
    while True:
        try:
            return await check()
        except NotReady as reason:
            if clock() > limit:
                raise StartFailed(f"{name} was not ready within {seconds:g} s: {reason}") from None
        await asyncio.sleep(_POLL_SECONDS)
