"""Exact counts of distinct valid events, in memory that does not grow with their number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypedDict

from functions.events import SOURCES, FunnelStage, Source

_FORGET_FROM: Final = 10_000
"""Shared events remembered before it is worth checking which can be forgotten."""


class Kind(NamedTuple):
    """The attributes by which reports count events."""

    source: Source
    funnel_stage: FunnelStage
    event_type: str


class Counted(NamedTuple):
    """The counts that one valid event adds to a tally.

    Attributes:
        cents: Its revenue; 0 if it has none.
    """

    kind: Kind
    cents: int


class KindCount(TypedDict):
    """One row of a section, as in ``/reports/events``."""

    source: Source
    funnelStage: FunnelStage
    eventType: str
    count: int


class Section(TypedDict):
    """Distinct valid events, in the reports' terms; revenue with two decimals."""

    totalEvents: int
    events: list[KindCount]
    revenue: dict[Source, str]


@dataclass(slots=True)
class Tally:
    """Valid events by kind, and their revenue by source, in cents."""

    counts: Counter[Kind] = field(default_factory=Counter)
    cents: Counter[Source] = field(default_factory=Counter)

    def add(self, event: Counted) -> None:
        """Count one event."""
        self.counts[event.kind] += 1
        self.cents[event.kind.source] += event.cents

    def add_all(self, events: Sequence[Counted]) -> None:
        """Count many events, faster than one by one."""
        self.counts.update([event.kind for event in events])
        for event in events:
            if event.cents:
                self.cents[event.kind.source] += event.cents

    def merge(self, other: "Tally") -> None:
        """Count every event of another tally."""
        self.counts.update(other.counts)
        self.cents.update(other.cents)

    def section(self) -> Section:
        """Write the tally like a report: by count, then by source, stage and type."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return {
            "totalEvents": self.counts.total(),
            "events": [
                {"source": source, "funnelStage": stage, "eventType": event_type, "count": count}
                for (source, stage, event_type), count in ordered
            ],
            "revenue": {source: _decimal(self.cents[source]) for source in SOURCES},
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of one request's body.

    Attributes:
        events: Elements of the body of any kind.
        invalid: Elements that break the contract.
        duplicates: Valid elements that repeat an earlier one, of this body or another.
        own: Valid events that no other request will carry.
        shared: Valid events that another request may also carry, each once, by
            a number that is theirs in the whole run.
        oldest_shared: No request from this one on carries a lower number.
    """

    events: int
    invalid: int
    duplicates: int
    own: Tally
    shared: Mapping[int, Counted]
    oldest_shared: int


class Ledger:
    """Counts the distinct valid events of a set of requests, in any order."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._seen: set[int] = set()
        self._forget_from = _FORGET_FROM

    def enter(self, manifest: Manifest, *, oldest_shared: int) -> None:
        """Count the events of this request that no request entered before carried.

        Args:
            manifest: What it carried; each request is entered at most once.
            oldest_shared: No request still to be entered carries a lower number.
        """
        self.tally.merge(manifest.own)
        for number in manifest.shared.keys() - self._seen:
            self.tally.add(manifest.shared[number])
        self._seen.update(manifest.shared)
        if len(self._seen) >= self._forget_from:
            self._forget(oldest_shared)

    def _forget(self, oldest_shared: int) -> None:
        self._seen = {number for number in self._seen if number >= oldest_shared}
        self._forget_from = max(_FORGET_FROM, 2 * len(self._seen))


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
