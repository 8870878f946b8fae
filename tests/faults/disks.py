"""A disk that can be full: a small file system in memory, if this user may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = b"\0" * 1024**2


class SmallDisk:
    """A mounted file system, and a file that fills it."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Fill all free space."""
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while filler.write(_CHUNK):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Free it again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount one while the context is open.

    Raises:
        OSError: This user or this machine may not mount one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={megabytes}m,mode=0755",
        "eps-faults",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
