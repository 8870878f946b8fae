"""One trial: load, the fault, load again, recovery without help, and the balance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.faults.bounds import MEMORY_MB
from tests.faults.fault import FUNCTIONS, Fault, World
from tests.faults.ledger import Balance, balance
from tests.faults.memory import watched
from tests.faults.table import Entry, Table

_REQUESTS_BEFORE, _REQUESTS_AFTER = 3, 5
_MOMENT_SECONDS = 0.5
_ANSWERS = {0, 202, 503}
"""The answers that a sender may get; 0 is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a fault.

    Attributes:
        balance: The outcomes of the events.
        peaks: The most megabytes of each function.
        answers: The answers' statuses.
    """

    balance: Balance
    peaks: Mapping[str, int]
    answers: frozenset[int]

    @property
    def wrongs(self) -> list[str]:
        """Return what is wrong; empty if nothing is."""
        return list(self._wrongs())

    def _wrongs(self) -> Iterator[str]:
        for name in ("lost", "doubled", "differences"):
            if found := getattr(self.balance, name):
                yield f"{name}: {len(found)}, {sorted(found)[:5]}"
        for function, peak in self.peaks.items():
            if peak > MEMORY_MB[function]:
                yield f"{function} took {peak} MB"
        if others := self.answers - _ANSWERS:
            yield f"answers: {sorted(others)}"


async def survived(fault: Fault, world: World, table: Table) -> Outcome:
    """Inject a fault at a random moment under load, and wait until the system has recovered.

    Without help the sender has to be served again, every process has to be
    running and ready, and the broker has to be empty, each within its time.
    """
    async with watched(world.system) as peaks:
        async with world.sender.sending():
            await world.sender.accepted(_REQUESTS_BEFORE)
            await world.a_while(_MOMENT_SECONDS)
            async with fault.inject(world):
                await world.a_while(_MOMENT_SECONDS)
            await world.sender.accepted(_REQUESTS_AFTER)
        await world.system.all_ready(*FUNCTIONS)
        found = await balance(world.system, world.sender)
    table.add(fault.name, Entry(world.seed, found, peaks))
    return Outcome(found, peaks, frozenset(world.sender.statuses))
