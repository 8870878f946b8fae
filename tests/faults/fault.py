"""What a fault is, what it is done to, and the table of what was done."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random

from tests.e2e.whole_system import WholeSystem
from tests.faults.ledger import Balance
from tests.faults.sender import Sender


@dataclass(frozen=True, slots=True)
class World:
    """A system under load.

    Attributes:
        system: The processes.
        sender: The load.
        random: Of the seed that is printed.
        is_full: Whether there is time for long faults.
    """

    system: WholeSystem
    sender: Sender
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


class Table:
    """What was done, and what it cost."""

    def __init__(self) -> None:
        self._balances: dict[str, list[Balance]] = {}

    def add(self, name: str, balance: Balance) -> None:
        """Enter one injection."""
        self._balances.setdefault(name, []).append(balance)

    def lines(self) -> list[str]:
        """Write it in Markdown."""
        if not self._balances:
            return []
        head = ["| fault | times | sent | promised | dead letters | lost | doubled |"]
        return [*head, "|---|---|---|---|---|---|---|", *map(self._line, self._balances)]

    def _line(self, name: str) -> str:
        done = self._balances[name]
        sums = [
            len(done),
            sum(each.sent for each in done),
            sum(each.promised for each in done),
            sum(each.dead for each in done),
            sum(len(each.lost) for each in done),
            sum(len(each.doubled) for each in done),
        ]
        return f"| {name} | {' | '.join(f'{number:,}' for number in sums)} |"
