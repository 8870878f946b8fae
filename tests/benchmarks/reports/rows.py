"""The kinds of questions with their goals: the rows of the issue's table."""

from dataclasses import dataclass

from tests.benchmarks.goals import Goal
from tests.truth.questions import (
    Ask,
    all_users,
    any_events,
    any_revenue,
    any_users,
    hourly_events,
    one_campaign,
    top_campaigns,
    users_of_a_day,
    users_of_a_month,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of question.

    Attributes:
        name: The kind of report.
        ask: Makes one.
        limit_ms: For the 95th percentile; None to only measure.
    """

    name: str
    ask: Ask
    limit_ms: float | None = None

    @property
    def goal(self) -> Goal:
        """The goal of it."""
        figure = f"{self.name}, p95, ms"
        return Goal(figure) if self.limit_ms is None else Goal(figure, "≤", self.limit_ms)


ROWS = (
    Row("events, any filters, any range", any_events, 20),
    Row("events by hour over a year", hourly_events, 100),
    Row("revenue, any filters, any range", any_revenue, 30),
    Row("revenue of a campaign, any range", one_campaign, 30),
    Row("revenue, top campaigns of a year", top_campaigns, 100),
    Row("demographics of all", all_users, 200),
    Row("demographics of a month", users_of_a_month, 200),
    Row("demographics of a day", users_of_a_day, 200),
    Row("demographics, any range", any_users),
)
