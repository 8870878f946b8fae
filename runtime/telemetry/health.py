"""A process's health."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from functions.errors import Unavailable

Check = Callable[[], Awaitable[None]]
"""Checks that something the function uses answers; raises ``Unavailable``."""

_ANSWER_SECONDS = 0.9
"""Readiness answers within a second, whichever server does not."""


@dataclass(slots=True)
class Health:
    """The state behind the probes.

    Attributes:
        checks: The servers that the function uses, by name.
        facts: Further fields of readiness, by name; they don't affect it.
        is_alive: Whether the process can still do its work.
        stopping: Set when the process begins to shut down.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    is_alive: Callable[[], bool] = lambda: True
    stopping: bool = False
    facts: Mapping[str, Callable[[], str | float | None]] = field(default_factory=dict)

    async def readiness(self) -> tuple[bool, dict[str, str]]:
        """Run all checks concurrently.

        Returns:
            Whether the function is ready, and ``ok`` or ``unavailable`` by name.
        """
        states = await asyncio.gather(*map(_state, self.checks.values()))
        found = dict(zip(self.checks, states, strict=True))
        return not self.stopping and all(state == "ok" for state in states), found


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await check()
    except (Unavailable, TimeoutError):
        return "unavailable"
    return "ok"
