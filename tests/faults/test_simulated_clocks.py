"""Gateways, broker, collectors and ledger in worlds where no two clocks agree.

The ledger has to report exactly the broker's losses.
"""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from functions.messages import Announcement
from tests.doubles.fakes_ledger import FakeLedger
from tests.faults.simulation.clock_world import Unseen, play
from tests.faults.simulation.schedule import Fault, Schedule
from tests.faults.simulation.story import (
    Jump,
    Machine,
    Pause,
    Publish,
    Step,
    Story,
    Wait,
    stories,
)

_ALIKE = settings(
    max_examples=500,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
_OTHERS = settings(_ALIKE, max_examples=20_000, derandomize=False)


def test_the_ledger_misses_what_the_broker_has_lost_and_nothing_else(
    request: pytest.FixtureRequest,
) -> None:
    @given(stories())
    def nothing_is_unseen(story: Story) -> None:
        assert play(story) == Unseen()

    (_OTHERS if request.config.getoption("faults") else _ALIKE)(nothing_is_unseen)()


class PassesOverOldMinutes(FakeLedger):
    """The old behaviour: envelopes that are old by a gateway's minute are not looked for."""

    def passes_over(self, told: Announcement) -> bool:
        return told.minute <= self.now() - timedelta(days=6)


class ForgetsByTheWall(FakeLedger):
    """The old behaviour: a jump of the database's clock makes all envelopes old."""

    def settled_at(self) -> datetime:
        return self.now()

    def forgets(self, settled_at: datetime) -> bool:
        return settled_at < self.now() - timedelta(days=7)


class LooksTooFar(FakeLedger):
    """Reports messages missing that are still in the stream."""

    def _has_left(self, told: Announcement, source: object) -> bool:
        del told, source
        return True


@pytest.mark.parametrize("mutant", [PassesOverOldMinutes, ForgetsByTheWall, LooksTooFar])
def test_the_worlds_find_a_ledger_that_is_wrong(mutant: type[FakeLedger]) -> None:
    only_search = settings(_ALIKE, phases=(Phase.generate,))

    story = find(stories(), lambda each: play(each, mutant) != Unseen(), settings=only_search)

    assert play(story) == Unseen()


def test_the_same_story_is_always_the_same_world() -> None:
    steps: list[Step] = [
        Publish(0, [1, 2, 3]),
        Jump("database", 8.0),
        Wait(20.0),
        Pause(2.0),
        Publish(0, [1]),
    ]
    faults = [Fault("settle", 0, "slow"), Fault("publish", 1, "answer lost")]
    days: dict[Machine, float] = {0: -8.0, 1: 0.0, "broker": 0.1, "database": 400.0}
    story = Story(days, steps, frozenset([0, 2]), Schedule((), faults, seed=7))

    once, again = (play(story, PassesOverOldMinutes) for _ in range(2))

    assert once == again != Unseen()
