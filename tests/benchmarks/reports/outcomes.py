"""The results of the answers: figures against goals, a table, a record, and faults."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.percentiles import percentile
from tests.benchmarks.reports.asking import Asked, Round
from tests.benchmarks.reports.comparing import Compared
from tests.benchmarks.reports.engines import DUCKDB, POSTGRES
from tests.benchmarks.reports.growth import Loaded
from tests.benchmarks.reports.rows import ROWS, Row
from tests.benchmarks.table import markdown, number, spread

AskedByRow = Mapping[str, list[Round]]
"""The questions of each run, for each row of the table."""

ComparedByRow = Mapping[str, Compared]

_DIFFERENT = Goal("answers that are not those of plain SQL", "≤", 0)
_STORED_AGAIN = Goal("redelivered events that were stored again", "≤", 0)
_MET = {True: "yes", False: "no", None: ""}


def outcomes_of(loaded: Loaded, asked: AskedByRow, compared: ComparedByRow) -> list[Outcome]:
    """Return each row's p95, and the figures that should be zero."""
    different = sum(len(each.faults) for each in compared.values())
    return [
        *(_p95(row, asked[row.name]) for row in ROWS),
        Outcome(_DIFFERENT, [different]),
        Outcome(_STORED_AGAIN, [loaded.stored_again]),
        Outcome(Goal("loading, rows/s"), [tenth.rows_a_second for tenth in loaded.tenths]),
    ]


def _p95(row: Row, runs: Sequence[Round]) -> Outcome:
    return Outcome(row.goal, [percentile(run.milliseconds, 95) for run in runs])


def answers_table(asked: AskedByRow, compared: ComparedByRow) -> str:
    """List each row with its time here, in plain SQL and in DuckDB.

    ``processors`` is the average processor time of reporter and database for one.
    """
    head = (
        *("report, ms", "goal", "p50", "p95", "max", "met", "processors"),
        *(f"{POSTGRES} p50", f"{DUCKDB} p50", "compared"),
    )
    return markdown([head, *(_line(row, asked[row.name], compared[row.name]) for row in ROWS)])


def _line(row: Row, runs: Sequence[Round], compared: Compared) -> tuple[str, ...]:
    p95, milliseconds = _p95(row, runs), [each for run in runs for each in run.milliseconds]
    others = (percentile(compared.milliseconds.get(name, ()), 50) for name in (POSTGRES, DUCKDB))
    return (
        row.name,
        "" if row.limit_ms is None else f"≤ {number(row.limit_ms)}",
        number(percentile(milliseconds, 50)),
        spread(p95),
        number(max(milliseconds, default=math.nan)),
        _MET[p95.met],
        number(1000 * sum(run.processor_seconds for run in runs) / max(1, len(milliseconds))),
        *("not installed" if math.isnan(other) else number(other) for other in others),
        str(compared.answers),
    )


def faults_of(loaded: Loaded, asked: AskedByRow, compared: ComparedByRow) -> list[str]:
    """List all faults; there should be none."""
    answers = [each for runs in asked.values() for run in runs for each in run.asked]
    return [
        *_load_faults(loaded),
        *(each.fault for each in answers if each.fault),
        *chain.from_iterable(each.faults for each in compared.values()),
    ]


def _load_faults(loaded: Loaded) -> Iterator[str]:
    if loaded.stored != loaded.different:
        yield f"{loaded.different} different events were sent, {loaded.stored} are stored"
    if loaded.stored_again:
        yield f"{loaded.stored_again} of {loaded.again} redelivered events were stored again"
    if loaded.invalid:
        yield f"{loaded.invalid} events were refused"


def record_of(loaded: Loaded, asked: AskedByRow, compared: ComparedByRow) -> dict[str, Any]:
    """Return all figures for JSON."""
    return {
        "loading": asdict(loaded),
        "reports": {
            row.name: {
                "questions": [[_question(each) for each in run.asked] for run in asked[row.name]],
                "processorSeconds": [run.processor_seconds for run in asked[row.name]],
                "compared": asdict(compared[row.name]),
            }
            for row in ROWS
        },
    }


def _question(asked: Asked) -> dict[str, Any]:
    return {
        "path": asked.question.path,
        "milliseconds": asked.milliseconds,
        "status": asked.status,
        "bytes": len(asked.body),
    }
