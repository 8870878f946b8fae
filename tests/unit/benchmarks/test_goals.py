import math

import pytest

from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.steady import growth


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("rate", "≥", 100), 100, True),
        (Goal("rate", "≥", 100), 99.9, False),
        (Goal("cost", "≤", 50), 50, True),
        (Goal("cost", "≤", 50), 50.1, False),
        (Goal("cost", "≤", 50), math.nan, None),
        (Goal("only measured"), 1, None),
    ],
)
def test_a_value_meets_a_goal_or_not(goal: Goal, value: float, met: bool | None) -> None:  # noqa: FBT001
    assert goal.is_met_by(value) is met


def test_the_middle_run_decides() -> None:
    outcome = Outcome(Goal("rate", "≥", 100), [10, 101, 2000])

    assert outcome.median == 101
    assert outcome.met is True


def test_a_case_without_runs_has_met_nothing() -> None:
    assert Outcome(Goal("rate", "≥", 100), []).met is None


def test_a_backlog_grows_by_its_last_third_over_its_first() -> None:
    assert growth([0, 1, 2, 50, 50, 50, 9, 10, 30]) == 9
    assert growth([5, 900]) == 0
