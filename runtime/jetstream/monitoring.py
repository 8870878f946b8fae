"""A broker's monitoring port, over HTTP."""

from typing import Any, Final

import aiohttp

_ANSWER_SECONDS: Final = 2.0

UNTOLD: Final = (
    aiohttp.ClientError,
    TimeoutError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)
"""Errors of asking and of reading the answer, if a server is down or of another kind."""


async def ask(url: str, path: str) -> Any:
    """Ask a server, within a time limit.

    Args:
        url: Of its monitoring port.
        path: The endpoint, such as ``/jsz``.

    Returns:
        The JSON that it answered.
    """
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{url.rstrip('/')}{path}") as answer,
    ):
        return await answer.json()
