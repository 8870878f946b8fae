"""How large a folder may become."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def room_for(folder: Path) -> int:
    """Tell how many bytes a folder may come to: what it has, and what is free on its disk.

    Args:
        folder: May be missing; the one around it is there.
    """
    return sum(_sizes(folder)) + shutil.disk_usage(folder.parent).free


def _sizes(folder: Path) -> Iterator[int]:
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it has gone meanwhile
            if file.is_file():
                yield file.lstat().st_size
