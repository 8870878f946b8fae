"""The cost of bodies of each shape."""

from collections.abc import Iterator

from tests.faults.limits.trial import Outcome

_HEAD = "| shape | answer | gateway, MB | collectors, MB | small requests | p99, ms |"
_COLLECTORS = ("fb-collector", "ttk-collector", "dead-letters")


class ShapeTable:
    """The bodies posted in one run."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Outcome]] = []

    def add(self, name: str, outcome: Outcome) -> None:
        """Enter one body."""
        self._entries.append((name, outcome))

    def lines(self) -> Iterator[str]:
        """Write it in Markdown."""
        if not self._entries:
            return
        yield from (_HEAD, f"|{'---|' * (_HEAD.count('|') - 1)}")
        for name, it in self._entries:
            collector = max(it.peaks.get(each, 0) for each in _COLLECTORS)
            gateway = it.peaks.get("gateway", 0)
            cells = (name, it.status, gateway, collector, len(it.small), f"{it.p99_ms:.0f}")
            yield f"| {' | '.join(map(str, cells))} |"
