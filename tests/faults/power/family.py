"""A process with all its descendants, killed like by a power cut."""

from collections.abc import Iterable
from contextlib import suppress

import psutil  # type: ignore[import-untyped]


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes with their children: a database's children are not in its process group."""
    for process in [each for pid in pids for each in _family(pid)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
