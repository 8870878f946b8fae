"""PostgreSQL refuses to run as root: give it its own user, and access to its files."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from runtime.local.embedded.access_list import let_user_pass, may_pass
from runtime.local.embedded.process import OnLine
from runtime.local.embedded.readiness import StartFailed

_USER = "pgserver"
_MADE = (
    "useradd --system {user}: PostgreSQL refuses to run as root, so it runs as this user. To "
    "undo this while nothing is running: userdel {user}"
)
_OPENED = (
    "setfacl -m u:{user}:x {folder}: the database's user {user} may now pass through "
    "{folder} to its files, but not list it; nothing changed for other users. To undo this: "
    "setfacl -x u:{user} {folder}"
)
_CLOSED = (
    "PostgreSQL runs as {user}, not as root, and {user} may not pass through {folder}, "
    "whose file system has no access lists. Start as another user, move project and data "
    "elsewhere, or let every user of this machine pass: chmod o+x {folder}"
)


def server_user(on_line: OnLine) -> str:
    """Name the user to run PostgreSQL as, made if missing; empty if not root.

    Args:
        on_line: Receives a line if a user is made.

    Raises:
        StartFailed: There is none and none can be made.
    """
    if os.geteuid() != 0:
        return ""
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        _make_user()
        on_line(_MADE.format(user=_USER))
    return _USER


def _make_user() -> None:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise StartFailed(
            "PostgreSQL refuses to run as root: start as another user, or create a user named "
            f"{_USER}"
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise StartFailed(f"The user {_USER} can't be created: {made.stderr.strip()}")


def give(path: Path, user: str) -> None:
    """Make the user the owner of a file or folder; does nothing if there is no such user."""
    if user:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def let_pass(user: str, paths: list[Path], on_line: OnLine) -> None:
    """Let the user, and nobody else, reach ``paths`` through the folders above them.

    Raises:
        StartFailed: A folder is closed, and its file system has no access lists:
            the only other way would open it to everyone.
    """
    if not user:
        return
    uid = pwd.getpwnam(user).pw_uid
    above = {folder for path in paths for folder in path.resolve().parents}
    closed = [folder for folder in sorted(above) if not may_pass(folder, uid)]
    for folder in closed:
        try:
            let_user_pass(folder, uid)
        except OSError as error:
            raise StartFailed(_CLOSED.format(user=user, folder=folder)) from error
    for folder in closed:
        on_line(_OPENED.format(user=user, folder=folder))
