"""The table of faults and their results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic

from tests.faults.ledger import Balance

_HEAD = (
    "| fault | times | sent | promised | dead letters | lost | doubled"
    " | gateway, MB | collector, MB |"
)
_COLLECTORS = ("fb-collector", "ttk-collector", "dead-letters")


@dataclass(frozen=True, slots=True)
class Entry:
    """One injection.

    Attributes:
        seed: The seed.
        balance: The outcomes of the events.
        peaks: The most megabytes of each function.
    """

    seed: int
    balance: Balance
    peaks: Mapping[str, int]


class Table:
    """The faults injected in one run."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._entries: dict[str, list[Entry]] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Enter one injection."""
        self._entries.setdefault(name, []).append(entry)

    def lines(self) -> Iterator[str]:
        """Write it in Markdown, with totals."""
        if not self._entries:
            return
        yield from (_HEAD, f"|{'---|' * (_HEAD.count('|') - 1)}")
        for name, entries in self._entries.items():
            yield f"| {name} | {' | '.join(_cells(entries))} |"
        yield ""
        yield self._in_all()

    def _in_all(self) -> str:
        entries = [entry for each in self._entries.values() for entry in each]
        seeds = [entry.seed for entry in entries]
        sent = sum(entry.balance.sent for entry in entries)
        promised = sum(entry.balance.promised for entry in entries)
        minutes = (monotonic() - self._began) / 60
        return (
            f"In all {len(entries)} injections of {len(self._entries)} faults in"
            f" {minutes:.0f} minutes: {sent:,} events sent, {promised:,} promised;"
            f" seeds from {min(seeds)} to {max(seeds)}."
        )


def _cells(entries: list[Entry]) -> Iterator[str]:
    balances = [entry.balance for entry in entries]
    sums = (
        len(entries),
        sum(each.sent for each in balances),
        sum(each.promised for each in balances),
        sum(each.dead for each in balances),
        sum(len(each.lost) for each in balances),
        sum(len(each.doubled) for each in balances),
        _peak(entries, "gateway"),
        _peak(entries, *_COLLECTORS),
    )
    return (f"{number:,}" for number in sums)


def _peak(entries: list[Entry], *functions: str) -> int:
    return max(entry.peaks.get(name, 0) for entry in entries for name in functions)
