"""Goals, the measurements for each, and whether it is met."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal for one figure.

    Attributes:
        figure: The measured quantity, with its unit.
        bound: Whether the figure shall be at least or at most the limit; None to only measure.
        limit: In the figure's unit.
    """

    figure: str
    bound: Literal["≥", "≤"] | None = None
    limit: float = 0.0

    def is_met_by(self, value: float) -> bool | None:
        """Compare; None where there is no goal, or nothing was measured."""
        if self.bound is None or math.isnan(value):
            return None
        return value >= self.limit if self.bound == "≥" else value <= self.limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """One figure of a case, a value for each run.

    Attributes:
        goal: The goal.
        values: In the order of the runs.
        raw: The machine's limit, measured at the same time: name and value.
    """

    goal: Goal
    values: Sequence[float]
    raw: Sequence[tuple[str, float]] = ()

    @property
    def median(self) -> float:
        """The middle run; NaN without runs."""
        return statistics.median(self.values) if self.values else math.nan

    @property
    def met(self) -> bool | None:
        """Whether the middle run meets the goal; None if there is no goal."""
        return self.goal.is_met_by(self.median)
