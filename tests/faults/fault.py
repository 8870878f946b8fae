"""A fault, and the system under load."""

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
"""Settings by which lost messages are noticed and redelivered within seconds."""


@dataclass(frozen=True, slots=True)
class World:
    """A system under load.

    Attributes:
        system: The processes.
        sender: The load.
        seed: The printed seed.
        random: Of that seed.
        is_full: Whether there is time for long faults.
    """

    system: WholeSystem
    sender: Sender
    seed: int
    random: Random
    is_full: bool

    async def a_while(self, most_seconds: float) -> None:
        """Wait a random time."""
        await asyncio.sleep(self.random.uniform(0, most_seconds))


Inject = Callable[[World], AbstractAsyncContextManager[None]]
"""Injects when the context is entered, and heals when it is left."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to be injected under load.

    Attributes:
        name: As the table has it.
        inject: Does it, and heals it.
        is_short: Whether it is also in the short selection.
    """

    name: str
    inject: Inject
    is_short: bool = False
