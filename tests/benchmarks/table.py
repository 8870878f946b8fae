"""The tables for people; Markdown, for docs/benchmarks.md."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from tests.benchmarks.goals import Outcome

_HEAD = ("case", "figure", "goal", "median (min…max)", "met", "raw limit of the same run")
_MET = {True: "yes", False: "no", None: ""}


def number(value: float) -> str:
    """Write a number with three or four significant digits."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3g}"


def outcome_table(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    """List the outcomes of all cases."""
    rows = [
        (name if index == 0 else "", *_cells(outcome))
        for name, of_case in outcomes.items()
        for index, outcome in enumerate(of_case)
    ]
    return markdown([_HEAD, *rows])


def _cells(outcome: Outcome) -> tuple[str, ...]:
    goal = outcome.goal
    limit = f"{goal.bound} {number(goal.limit)}" if goal.bound else ""
    raw = "; ".join(f"{name} {number(value)}" for name, value in outcome.raw)
    return goal.figure, limit, spread(outcome), _MET[outcome.met], raw


def spread(outcome: Outcome) -> str:
    """Write the median, and the extremes if there are several runs."""
    if len(outcome.values) < 2:
        return number(outcome.median)
    return f"{number(outcome.median)} ({number(min(outcome.values))}…{number(max(outcome.values))})"


def figures_table(title: str, by_case: Mapping[str, Mapping[str, float]]) -> str:
    """List figures by name, for example of each process, one line per case."""
    names = list(dict.fromkeys(chain.from_iterable(by_case.values())))
    rows = [
        (case, *(number(figures.get(name, math.nan)) for name in names))
        for case, figures in by_case.items()
    ]
    return markdown([(title, *names), *rows])


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """Write a table whose columns also align as plain text."""
    head, *body = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *body]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
