"""What a fault is, and what it is done to."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.e2e.whole_system import WholeSystem
from tests.faults.sender import Sender

FUNCTIONS: Final = ("gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter")
IMPATIENT: Final = {"ACK_WAIT_SECONDS": "6", "DATABASE_TIMEOUT_SECONDS": "4"}
"""Settings with which what is lost on the way is noticed, and comes again, within seconds."""


@dataclass(frozen=True, slots=True)
class World:
    """A system under load.

    Attributes:
        system: The processes.
        sender: The load.
        seed: What is printed, and drawn from.
        random: Of that seed.
        is_full: Whether there is time for long faults.
    """

    system: WholeSystem
    sender: Sender
    seed: int
    random: Random
    is_full: bool

    async def a_while(self, most_seconds: float) -> None:
        """Let a random time pass."""
        await asyncio.sleep(self.random.uniform(0, most_seconds))


Inject = Callable[[World], AbstractAsyncContextManager[None]]
"""Injects when the context is entered, and heals when it is left."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to be done to a system under load.

    Attributes:
        name: As the table has it.
        inject: Does it, and heals it.
        is_short: Whether the short selection has it, too.
    """

    name: str
    inject: Inject
    is_short: bool = False
