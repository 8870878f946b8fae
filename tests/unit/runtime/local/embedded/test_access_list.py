"""One user may pass a closed folder, and other users gain nothing."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.local.embedded.access_list import let_user_pass, may_pass
from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.unprivileged import let_pass

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes other users")

ONE, ANOTHER = 60_001, 60_002


@pytest.fixture
def closed() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eps-closed-") as folder:
        (Path(folder) / "file").write_text("x")
        yield Path(folder)


def can(uid: int, test: str, path: Path) -> bool:
    return subprocess.run(["test", test, path], user=uid, group=uid, check=False).returncode == 0


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o770, 0o744])
def test_one_user_may_pass_and_not_list(mode: int, closed: Path) -> None:
    closed.chmod(mode)
    lists = can(ANOTHER, "-r", closed)

    assert not may_pass(closed, ONE)
    let_user_pass(closed, ONE)

    assert may_pass(closed, ONE)
    assert can(ONE, "-e", closed / "file")
    assert not can(ONE, "-r", closed)
    assert not can(ONE, "-w", closed)
    assert not can(ANOTHER, "-e", closed / "file")
    assert can(ANOTHER, "-r", closed) == lists


def test_a_second_user_is_let_pass_beside_the_first(closed: Path) -> None:
    let_user_pass(closed, ANOTHER)
    let_user_pass(closed, ONE)
    let_user_pass(closed, ONE)

    assert can(ONE, "-e", closed / "file")
    assert can(ANOTHER, "-e", closed / "file")


def test_what_a_mask_withholds_stays_withheld(closed: Path) -> None:
    let_user_pass(closed, ANOTHER)
    closed.chmod(0o700)  # the mask, if there is a list

    let_user_pass(closed, ONE)

    assert can(ONE, "-e", closed / "file")
    assert not can(ANOTHER, "-e", closed / "file")


def test_it_is_said_in_plain_words(closed: Path) -> None:
    said: list[str] = []

    let_pass("nobody", [closed / "file"], said.append)
    let_pass("nobody", [closed / "file"], said.append)

    [line] = said
    assert line.startswith(f"setfacl -m u:nobody:x {closed}: the database's user nobody may now")
    assert f"may now pass through {closed} to its files, but not list it" in line
    assert f"setfacl -x u:nobody {closed}" in line
    assert closed.stat().st_mode & 0o007 == 0


def test_without_access_lists_nothing_is_opened() -> None:
    folder = Path(f"/proc/{os.getpid()}/fd")

    with pytest.raises(StartFailed, match=f"chmod o\\+x {folder}"):
        let_pass("nobody", [folder / "none"], print)
