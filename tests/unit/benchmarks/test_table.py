import json
import math
from pathlib import Path

import pytest

from tests.benchmarks.case import Options, Result
from tests.benchmarks.command import CASES, UnknownCase, bench, chosen, tables, to_json
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.table import figures_table, number, outcome_table


@pytest.mark.parametrize(
    ("value", "written"),
    [(40_000, "40,000"), (99.96, "100.0"), (12.34, "12.3"), (1.234, "1.23"), (math.nan, "-")],
)
def test_a_number_has_the_digits_that_matter(value: float, written: str) -> None:
    assert number(value) == written


def test_a_line_has_goal_median_spread_and_raw_limit() -> None:
    outcome = Outcome(Goal("events/s", "≥", 40_000), [30_000, 50_000, 45_000], [("COPY", 90_000)])

    lines = outcome_table({"arrays": [outcome]}).splitlines()

    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == [
        *("arrays", "events/s", "≥ 40,000"),
        *("45,000 (30,000…50,000)", "yes", "COPY 90,000"),
    ]


def test_a_single_run_has_no_spread() -> None:
    table = outcome_table({"arrays": [Outcome(Goal("cost", "≤", 50), [60])]})

    assert "| 60.0 " in table
    assert "| no " in table


def test_a_process_that_a_case_did_not_have_is_left_out_of_its_line() -> None:
    lines = figures_table("s", {"one": {"nats": 1.0}, "two": {"postgres": 2.0}}).splitlines()

    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == ["two", "-", "2"]


def test_faults_are_told_below_the_tables() -> None:
    result = Result([Outcome(Goal("x"), [1])], faults=["5 events should be stored, 4 are"])

    assert tables({"case": result}).endswith("Faults:\ncase: 5 events should be stored, 4 are")


def test_what_could_not_be_measured_is_null_in_json() -> None:
    assert json.loads(to_json({"value": math.nan})) == {"value": None}


def test_cases_are_chosen_by_name_in_the_order_of_the_table() -> None:
    names = [case.name for case in chosen(["singles", "arrays-100"])]

    assert names == ["arrays-100", "singles"]
    assert chosen([]) == list(CASES)


def test_an_unknown_case_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UnknownCase, match="no case none; there are arrays-100"):
        bench(Options(data_dir=tmp_path), ["none"], None)
