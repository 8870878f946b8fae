"""What a broker tells of itself on its monitoring port, over HTTP."""

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
"""What asking, and reading the answer, raises where a server is away or another kind of one."""


async def ask(url: str, path: str) -> Any:
    """Ask a server, bounded in time.

    Args:
        url: Of its monitoring port.
        path: What to ask for, ``/jsz``.

    Returns:
        The JSON that it answered.
    """
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{url.rstrip('/')}{path}") as answer,
    ):
        return await answer.json()
