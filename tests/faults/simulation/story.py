"""The events in a world of clocks: drawn by Hypothesis, small when it shrinks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st

from tests.faults.simulation.schedule import Fault, Place, Schedule, What

GATEWAYS: Final = 2
MOST_LOST: Final = 7
"""More than eight lost in a row show as eight, as documented."""

Machine = Literal[0, 1, "broker", "database"]
"""Numbers are gateways."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Requests that reach a gateway at once, each with so many events."""

    gateway: int
    requests: Sequence[int]


@dataclass(frozen=True, slots=True)
class Jump:
    """A machine's clock is set."""

    machine: Machine
    days: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """All processes but the broker and the database are frozen for days, or the collectors."""

    days: float


@dataclass(frozen=True, slots=True)
class Kill:
    """A gateway's process dies, and another one starts."""

    gateway: int


Step = Publish | Jump | Wait | Pause | Kill


@dataclass(frozen=True, slots=True)
class Story:
    """One run.

    Attributes:
        days: How far each machine's clock is ahead at first.
        steps: The steps, in order.
        lost: Which of the messages with events the broker loses, by their order
            from 0; those that a collector has settled before can't be lost.
        schedule: The other faults, and the seed of all durations.
    """

    days: dict[Machine, float]
    steps: Sequence[Step]
    lost: frozenset[int]
    schedule: Schedule


_FAULTS: Final[dict[Place, tuple[What, ...]]] = {
    "publish": ("lost", "answer lost", "refused"),
    "pull": ("lost", "killed before"),
    "deliver": ("lost", "twice"),
    "ack": ("lost", "killed before", "killed after"),
    "settle": ("killed before", "killed after", "away", "answer lost", "slow"),
}
_DAYS: Final = st.sampled_from([0.0, 0.0, -0.1, 0.1, 1.0, -8.0, 8.0, -400.0, 400.0])
_GATEWAY: Final = st.integers(0, GATEWAYS - 1)
_MACHINES: Final[tuple[Machine, ...]] = (0, 1, "broker", "database")
_LATEST: Final = 12


def stories() -> st.SearchStrategy[Story]:
    """Draw runs with few messages and many faults."""
    publish = st.builds(Publish, _GATEWAY, st.lists(st.integers(1, 3), min_size=1, max_size=4))
    step = st.one_of(
        publish,
        publish,
        st.builds(Jump, st.sampled_from(_MACHINES), _DAYS),
        st.builds(Wait, st.sampled_from([0.1, 1.0, 5.0, 20.0, 60.0])),
        st.builds(Pause, st.sampled_from([0.5, 2.0, 10.0, 40.0])),
        st.builds(Kill, _GATEWAY),
    )
    fault = st.sampled_from(
        [(place, what) for place in _FAULTS for what in _FAULTS[place]]
    ).flatmap(lambda at: st.integers(0, _LATEST).map(lambda nth: Fault(at[0], nth, at[1])))
    schedule = st.builds(
        Schedule,
        messages=st.just(()),
        faults=st.lists(fault, max_size=6, unique_by=lambda each: (each.place, each.nth)),
        seed=st.integers(0, 2**16),
        rejected=st.booleans(),
    )
    return st.builds(
        Story,
        days=st.fixed_dictionaries(dict.fromkeys(_MACHINES, _DAYS)),
        steps=st.lists(step, min_size=1, max_size=10),
        lost=st.frozensets(st.integers(0, 2 * _LATEST), max_size=MOST_LOST),
        schedule=schedule,
    )
