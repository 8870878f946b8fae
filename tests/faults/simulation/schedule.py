"""The published messages, and the faults: drawn by Hypothesis, small when it shrinks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from hypothesis import strategies as st

Place = Literal[
    "publish", "pull", "deliver", "ack", "nak", "progress", "settle", "probe", "mark"
]  # fmt: skip
"""Where something may go wrong: a gateway's message, a request for messages, a
message on its way to the collector, its settling, word of it while it is in
hand, a transaction that stores, one that is taken back, a mark of a message that
may end the process."""

What = Literal[
    "lost", "twice", "raises", "killed before", "killed after",
    "away", "answer lost", "refused", "crashes", "slow",
]  # fmt: skip

Kind = Literal["good", "repeated", "invalid", "refused", "poison", "deadly", "none"]
"""What an event is: the store will never keep a refused one, and crashes on
poison; a deadly one ends the process that would store it; none at all where a
gateway only tells of others."""

UNREADABLE: Final = ()
"""A message without events stands for one that is not an envelope."""

_TRANSACTION: Final = ("killed before", "killed after", "away", "answer lost", "crashes", "slow")
_SENT: Final = ("lost", "killed before", "killed after", "raises")
_FAULTS: Final[dict[Place, tuple[What, ...]]] = {
    "pull": _SENT,
    "deliver": ("lost", "twice"),
    "ack": _SENT,
    "nak": _SENT,
    "progress": ("lost",),
    "settle": _TRANSACTION,
    "probe": _TRANSACTION,
    "mark": ("killed before", "killed after", "away", "answer lost"),
}
_KINDS: Final[tuple[Kind, ...]] = (
    "good", "repeated", "invalid", "refused", "poison", "deadly", "none",
)  # fmt: skip
_LATEST: Final = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that happens once: the ``nth`` time that a place is passed, from 0."""

    place: Place
    nth: int
    what: What


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run of the simulation.

    Attributes:
        messages: The events of each message, in the order of publishing.
        faults: What goes wrong.
        seed: Of how long everything takes.
        rejected: Whether the messages are of dead letters, for their collector.
    """

    messages: Sequence[Sequence[Kind]]
    faults: Sequence[Fault]
    seed: int
    rejected: bool = False


def schedules() -> st.SearchStrategy[Schedule]:
    """Draw runs with few messages and many faults."""
    fault = st.sampled_from(
        [(place, what) for place in _FAULTS for what in _FAULTS[place]]
    ).flatmap(lambda at: st.integers(0, _LATEST).map(lambda nth: Fault(at[0], nth, at[1])))
    message = st.lists(st.sampled_from(_KINDS), max_size=4).map(tuple)
    return st.builds(
        Schedule,
        messages=st.lists(message, min_size=1, max_size=8),
        faults=st.lists(fault, max_size=12, unique_by=lambda each: (each.place, each.nth)),
        seed=st.integers(0, 2**16),
        rejected=st.booleans(),
    )


@dataclass
class Chance:
    """Decides at each place whether a fault happens now, and how long things take.

    Attributes:
        schedule: The schedule.
        random: Of the schedule's seed.
    """

    schedule: Schedule
    random: Random = field(init=False)
    _passed: Counter[Place] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.schedule.seed)
        self._planned = {(fault.place, fault.nth): fault.what for fault in self.schedule.faults}

    def at(self, place: Place) -> What | None:
        """Pass a place."""
        nth = self._passed[place]
        self._passed[place] += 1
        return self._planned.get((place, nth))

    def seconds(self, most: float) -> float:
        """Draw how long something takes; often no time at all."""
        return self.random.choice((0.0, self.random.uniform(0, most)))
