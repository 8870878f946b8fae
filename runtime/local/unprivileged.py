"""PostgreSQL refuses to run as root: a user of its own, and its way to its files."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from runtime.local.process import OnLine
from runtime.local.readiness import StartFailed

_USER = "pgserver"
_OTHERS_MAY_PASS = 0o001


def server_user() -> str:
    """Name the user to run PostgreSQL as, made if missing; empty when not root.

    Raises:
        StartFailed: There is none and none can be made.
    """
    if os.geteuid() != 0:
        return ""
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        _make_user()
    return _USER


def _make_user() -> None:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise StartFailed(
            f"PostgreSQL refuses to run as root: start as another user, or make one named {_USER}"
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise StartFailed(f"The user {_USER} can't be made: {made.stderr.strip()}")


def give(path: Path, user: str) -> None:
    """Make a file or folder the user's own; nothing to do when there is no such user."""
    if user:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def let_pass(user: str, paths: list[Path], on_line: OnLine) -> None:
    """Let the user through to ``paths``: others may pass the folders above, not list them."""
    if not user:
        return
    above = {folder for path in paths for folder in path.resolve().parents}
    closed = [folder for folder in sorted(above) if not folder.stat().st_mode & _OTHERS_MAY_PASS]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | _OTHERS_MAY_PASS)
    if closed:
        on_line(f"others may now pass, not list, {', '.join(map(str, closed))}: {user} has to")
