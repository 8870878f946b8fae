"""A data folder has one owner."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Locked(Exception):
    """The data folder is in use by another process, or can't be used."""


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Make a folder if it is missing and own it; the lock goes with the process.

    Raises:
        Locked: Another process owns it, or it can't be a folder; nothing was changed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise Locked(f"{folder} can't be used as a data folder: {error.strerror}") from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(
                f"{folder} is in use by another process; stop it, or choose another folder"
            ) from error
        yield


def room_for(folder: Path) -> int:
    """Return how large a folder may become: its size now plus the free space on its disk.

    Args:
        folder: May be missing; its parent exists.
    """
    return sum(_sizes(folder)) + shutil.disk_usage(folder.parent).free


def _sizes(folder: Path) -> Iterator[int]:
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # deleted meanwhile
            if file.is_file():
                yield file.lstat().st_size
