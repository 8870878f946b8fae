"""The command line itself."""

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from runtime.cli.main import eps
from tests.commands import commands_of
from tests.unit.compose_files import ROOT

_INTERRUPTED_IMPORT = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "runtime.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
from runtime.__main__ import main
main()
"""


def test_it_prints_its_version() -> None:
    result = CliRunner().invoke(eps, ["--version"])

    assert re.fullmatch(r"eps, version [0-9]+\.[0-9]+\.[0-9]+\n", result.output)


def groups(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in commands_of(group).items():
        if isinstance(command, click.Group):
            yield from groups(command, *path, name)


@pytest.mark.parametrize("path", list(groups(eps)), ids=" ".join)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_summary_of_a_command_is_cut(path: tuple[str, ...], width: int) -> None:
    result = CliRunner().invoke(eps, [*path, "--help"], terminal_width=width)

    listed = result.output.split("Commands:")[1]
    assert "..." not in listed
    assert listed.rstrip().endswith(".")


def test_ctrl_c_while_it_is_imported_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-c", _INTERRUPTED_IMPORT]

    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert (result.returncode, result.stderr) == (130, "")


def test_the_changelog_has_the_version() -> None:
    version = CliRunner().invoke(eps, ["--version"]).output.split()[-1]

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"\n## {version} " in changelog
