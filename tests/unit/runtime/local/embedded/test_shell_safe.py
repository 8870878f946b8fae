"""A program that calls its neighbour by a shell finds it, whatever its folder's name."""

import subprocess
from pathlib import Path

import pytest

from runtime.local.embedded.shell_safe import shell_safe

LIKE_INITDB = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
eval "\\"$here/neighbour\\"" && cat "$here/../../package.libs/library"
"""


def a_package(folder: Path) -> Path:
    """Make a package with two programs, and a library beside it."""
    programs = folder / "package" / "bin"
    programs.mkdir(parents=True)
    (folder / "package.libs").mkdir()
    (folder / "package.libs" / "library").write_text("library")
    for name, text in (("initdb", LIKE_INITDB), ("neighbour", "#!/bin/sh\necho found")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return folder / "package"


@pytest.mark.parametrize("name", ['quo"te', "$HOME", "`id`", "a\\\\b", "it's [1] {b}; дані"])
def test_a_program_finds_its_neighbour_by_a_shell(name: str, tmp_path: Path) -> None:
    package = a_package(tmp_path / name)

    with shell_safe(package / "bin" / "initdb", package) as program:
        said = subprocess.run([program], capture_output=True, text=True, check=False)

    assert said.stdout == "found\nlibrary"
    assert (package / "bin" / "neighbour").read_text() == "#!/bin/sh\necho found"


def test_a_path_that_a_shell_can_read_stays(tmp_path: Path) -> None:
    package = a_package(tmp_path / "my project")

    with shell_safe(package / "bin" / "initdb", package) as program:
        assert program == package / "bin" / "initdb"
