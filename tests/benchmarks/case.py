"""A case: how often it runs, what it measures, and its results."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.benchmarks.goals import Outcome
from tests.benchmarks.measure import Run

Measured = TypeVar("Measured")

WARM_UP = 0.2
"""The share of a run that is done first as a warm-up."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command.

    Attributes:
        quick: One short run of each case.
        runs: How many of each case otherwise.
        data_dir: Where servers keep their data; None for the temporary folder.
        events: How many the reports are asked about; None for as many as the goals are about.
    """

    quick: bool = False
    runs: int = 3
    data_dir: Path | None = None
    events: int | None = None

    @property
    def times(self) -> int:
        """How many runs of a case."""
        return 1 if self.quick else self.runs

    def size(self, full: float, quick: float) -> float:
        """Choose the amount of work."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Result:
    """The results of a case.

    Attributes:
        outcomes: Its figures, with their goals.
        processor_seconds: Median by process, for a million events; empty where that says nothing.
        peak_megabytes: Highest by process.
        latency_ms: p50, p95, p99 and max of the answers in the middle run.
        elsewhere_percent: Share of the machine's processors that other processes used, in each run.
        record: Everything, for JSON.
        faults: Faults of the data afterwards; there should be none.
        tables: Further tables for people.
    """

    outcomes: Sequence[Outcome]
    processor_seconds: dict[str, float] = field(default_factory=dict)
    peak_megabytes: dict[str, float] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    elsewhere_percent: Sequence[float] = ()
    record: dict[str, Any] = field(default_factory=dict)
    faults: Sequence[str] = ()
    tables: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the issue's table."""

    name: str
    run: Callable[[Options], Awaitable[Result]]


def say(text: str) -> None:
    """Show the progress to a person."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


async def repeat(options: Options, once: Callable[[], Awaitable[Measured]]) -> list[Measured]:
    """Run something as often as requested."""
    runs = []
    for number in range(1, options.times + 1):
        say(f"run {number} of {options.times}")
        runs.append(await once())
    say("raw limits")
    return runs


def middle(runs: Sequence[Run]) -> Run:
    """Return the run with the median of processor seconds."""
    return sorted(runs, key=lambda run: run.total_a_million)[len(runs) // 2]


def highest_peaks(runs: Iterable[Run]) -> dict[str, float]:
    """Return the highest peak of each process."""
    peaks: dict[str, float] = {}
    for run in runs:
        for name, peak in run.peak_megabytes.items():
            peaks[name] = max(peak, peaks.get(name, 0.0))
    return peaks


def result_of(
    runs: Sequence[Run], outcomes: Sequence[Outcome], raw: dict[str, Any], **more: Any
) -> Result:
    """Sum up runs of one kind."""
    typical = middle(runs)
    return Result(
        outcomes=outcomes,
        processor_seconds=typical.a_million | {"all": typical.total_a_million},
        peak_megabytes=highest_peaks(runs),
        latency_ms=typical.sent.latency_ms,
        elsewhere_percent=[run.elsewhere_percent for run in runs],
        record={"runs": [run.record() for run in runs], "raw": raw, **more},
        faults=[run.fault for run in runs if run.fault],
    )
