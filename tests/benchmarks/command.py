"""`eps bench`: run cases one after another, print tables, write JSON."""

import asyncio
import json
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import uvloop

from tests.benchmarks.arrays import arrays_of_100, arrays_of_20000, single_events
from tests.benchmarks.back_pressure import back_pressure
from tests.benchmarks.case import Case, Options, Result, say
from tests.benchmarks.duplicates import all_duplicates
from tests.benchmarks.goals import Outcome
from tests.benchmarks.growth import growth
from tests.benchmarks.large import four_large, small_beside_large
from tests.benchmarks.many_large import many_large
from tests.benchmarks.reports.case import reports
from tests.benchmarks.steady import steady
from tests.benchmarks.table import figures_table, number, outcome_table

CASES = (
    Case("arrays-100", arrays_of_100),
    Case("steady", steady),
    Case("arrays-20000", arrays_of_20000),
    Case("singles", single_events),
    Case("small-beside-large", small_beside_large),
    Case("four-large", four_large),
    Case("duplicates", all_duplicates),
    Case("reports", reports),
    Case("many-large", many_large),
    Case("back-pressure", back_pressure),
    Case("growth", growth),
)
"""In the order of the issue's tables."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of the command.

    Attributes:
        text: The tables, and below them the faults.
        faults: Faults of the data; there should be none.
    """

    text: str
    faults: Sequence[str]


class UnknownCase(Exception):
    """There is no such case; the message lists the cases."""


def chosen(names: Sequence[str]) -> list[Case]:
    """Return the cases of those names in the table's order; all for no names.

    Raises:
        UnknownCase: There is no case of a given name.
    """
    known = {case.name for case in CASES}
    if unknown := [name for name in names if name not in known]:
        raise UnknownCase(f"no case {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [case for case in CASES if not names or case.name in names]


def bench(options: Options, names: Sequence[str], json_file: Path | None) -> Report:
    """Run cases and return the tables and the faults; everything is also written to ``json_file``.

    Raises:
        UnknownCase: There is no case of a given name; nothing was run.
    """
    cases = chosen(names)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(_run(cases, options))
    if json_file is not None:
        json_file.write_text(to_json(_record(options, results)), encoding="utf-8")
    return Report(tables(results), _faults(results))


async def _run(cases: Sequence[Case], options: Options) -> dict[str, Result]:
    results = {}
    for case in cases:
        began = time.monotonic()
        say(f"{case.name}: starting")
        results[case.name] = await case.run(options)
        say("")
        _tell(f"{case.name} took {time.monotonic() - began:.0f} s\n")
    return results


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(text)


def tables(results: dict[str, Result]) -> str:
    """Write the text for people."""
    costs = {name: each.processor_seconds for name, each in results.items()}
    peaks = {name: each.peak_megabytes for name, each in results.items()}
    latencies = {name: each.latency_ms for name, each in results.items()}
    faults = _faults(results)
    return "\n\n".join(
        [
            outcome_table({name: each.outcomes for name, each in results.items()}),
            *chain.from_iterable(each.tables for each in results.values()),
            *_figures("processor seconds a million events", costs),
            *_figures("peak memory, MB", peaks),
            *_figures("answers, ms", latencies),
            _noise(results),
            *(["Faults:\n" + "\n".join(faults)] if faults else []),
        ]
    )


def _faults(results: dict[str, Result]) -> list[str]:
    return [f"{name}: {fault}" for name, each in results.items() for fault in each.faults]


def _noise(results: dict[str, Result]) -> str:
    shares = [
        f"{name} {number(max(each.elsewhere_percent))} %"
        for name, each in results.items()
        if each.elsewhere_percent
    ]
    return "The most that others took of this machine's processors: " + ", ".join(shares) + "."


def _figures(title: str, by_case: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Write a table of the cases that have such figures, if there are any."""
    if told := {name: figures for name, figures in by_case.items() if figures}:
        yield figures_table(title, told)


def _record(options: Options, results: dict[str, Result]) -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": options.quick,
        "machine": {
            "processors": psutil.cpu_count(),
            "memoryBytes": psutil.virtual_memory().total,
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "cases": {
            name: {
                "outcomes": [_outcome(outcome) for outcome in result.outcomes],
                "processorSecondsPerMillion": result.processor_seconds,
                "peakMegabytes": result.peak_megabytes,
                "faults": list(result.faults),
                **result.record,
            }
            for name, result in results.items()
        },
    }


def to_json(record: Any) -> str:
    """Write a record; JSON has no NaN, so values that could not be measured are null."""
    plain = json.loads(json.dumps(record), parse_constant=lambda _: None)
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    goal = outcome.goal
    return {
        "figure": goal.figure,
        "goal": {"bound": goal.bound, "limit": goal.limit} if goal.bound else None,
        "median": outcome.median,
        "values": list(outcome.values),
        "met": outcome.met,
        "raw": dict(outcome.raw),
    }
