"""Report a function that hangs: it has not ended, so nothing else reports it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import aiohttp

from runtime.local.embedded.checks import ANSWER_SECONDS

EVERY_SECONDS: Final = 5.0
_SILENT_TIMES: Final = 2
"""How often in a row a function is silent before it is reported: once may be a busy machine."""

Asked = tuple[str, str, int]
"""A function's name, its URL, its process."""


async def watch_liveness(
    running: Callable[[], Iterable[Asked]],
    say: Callable[[str], None],
    *,
    is_silent: Callable[[str], Awaitable[bool]] | None = None,
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Ask each function's ``/health/live`` every few seconds, for ever; report hanging ones, once.

    A function that refuses the connection does not hang: it is starting, or its keeper
    reports its end.

    Args:
        running: What runs now.
        say: Receives a sentence.
        is_silent: Asks one; over HTTP unless given.
        every_seconds: Between two rounds.
    """
    ask = is_silent or _is_silent
    silent: dict[str, int] = {}
    while True:
        await asyncio.sleep(every_seconds)
        asked = list(running())
        answers = await asyncio.gather(*(ask(url) for _, url, _ in asked))
        for (name, _, pid), hangs in zip(asked, answers, strict=True):
            if hangs:
                silent[name] = silent.get(name, 0) + 1
                if silent[name] == _SILENT_TIMES:
                    say(
                        f"{name} hangs: /health/live gave no answer within {ANSWER_SECONDS:g} s; "
                        f"kill -KILL {pid} makes it restart"
                    )
            elif silent.pop(name, 0) >= _SILENT_TIMES:
                say(f"{name} answers again")


async def _is_silent(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/health/live"),
        ):
            return False
    except TimeoutError:
        return True
    except (aiohttp.ClientError, OSError):
        return False
