"""Reasons of failures: each is in the code and in the runbook."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.telemetry.reasons import Reason
from tests.unit.compose_files import ROOT

_COMMANDS = {
    "runtime/aws/settings.py",  # the start
    "runtime/cli/broker.py",
    "runtime/jetstream/readying.py",  # the start
    "runtime/jetstream/operating/replay.py",
    "runtime/postgres/pool.py",  # `opened_now`
}
"""Files whose ``Unavailable`` is read by a person at a terminal."""

_START = {("runtime/jetstream/connection.py", "self._why_not(timeout_seconds)")}
"""The reason of a function that can't start."""

_RAISED = {"Unavailable", "_StreamFull"}


def _causes(file: Path) -> Iterator[str]:
    """Find the arguments of each ``Unavailable``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[cause, *_]) if name in _RAISED:
                yield ast.unparse(cause)
            case ast.Raise(exc=ast.Call(func=ast.Name(id="kind"), args=[cause, *_])):
                yield ast.unparse(cause)


_FOUND = [
    (name, cause)
    for file in sorted(ROOT.glob("runtime/**/*.py"))
    if (name := str(file.relative_to(ROOT))) not in _COMMANDS
    and not name.startswith("runtime/http/documentation/")
    for cause in _causes(file)
]


def test_every_cause_in_the_code_is_one_of_the_words() -> None:
    without = [
        found
        for found in _FOUND
        if found not in _START and not re.match(r"Reason\.[A-Z_]+(\.of\(|$)", found[1])
    ]

    assert without == []
    assert not list(_causes(ROOT / "functions/errors.py"))


def test_every_word_is_used() -> None:
    used = {cause.removeprefix("Reason.").partition(".")[0] for _, cause in _FOUND}

    assert {reason.name for reason in Reason} <= used


@pytest.mark.parametrize("reason", Reason)
def test_every_word_has_a_row_in_the_runbook(reason: Reason) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("\n## The gateway answers 503\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]

    assert sum(f"`{reason}" in row.split(" | ")[0] for row in rows) >= 1
