"""What a process says of its health."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from functions.errors import Unavailable

Check = Callable[[], Awaitable[None]]
"""Asks something that the function uses whether it answers; raises ``Unavailable``."""

_ANSWER_SECONDS = 0.9
"""Readiness answers within a second, whatever does not."""


@dataclass(slots=True)
class Health:
    """The state that probes ask for.

    Attributes:
        checks: What the function uses, by name.
        facts: What readiness says beside them, by name, if anything; decides nothing.
        is_alive: Whether the process can still do its work.
        stopping: Set from the moment it shuts down.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    is_alive: Callable[[], bool] = lambda: True
    stopping: bool = False
    facts: Mapping[str, Callable[[], str | float | None]] = field(default_factory=dict)

    async def readiness(self) -> tuple[bool, dict[str, str]]:
        """Ask everything anew, all at once.

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
