"""A process with all that it started, ended as power ends them: without a word."""

from collections.abc import Iterable
from contextlib import suppress

import psutil  # type: ignore[import-untyped]


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes with their children: a database's own are not of its process group."""
    for process in [each for pid in pids for each in _family(pid)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
