"""The peak memory of the functions, as Linux counts it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.e2e.whole_system import WholeSystem
from tests.faults.fault import FUNCTIONS

_POLL_SECONDS = 0.2
_FORGET_PEAK = "5"  # proc_pid_clear_refs(5)
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc_pid_status(5)


@asynccontextmanager
async def watched(system: WholeSystem) -> AsyncIterator[Mapping[str, int]]:
    """Watch the peaks of resident memory while the context is open.

    Gives the most megabytes that one process of each function had; of a process
    that dies, what was known a fifth of a second before. Elsewhere than on
    Linux it stays empty.
    """
    peaks: dict[str, int] = {}
    for _, process in _processes(system):
        with suppress(OSError):
            (process / "clear_refs").write_text(_FORGET_PEAK)
    watching = asyncio.create_task(_watch(system, peaks))
    try:
        yield peaks
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        _look(system, peaks)


async def _watch(system: WholeSystem, peaks: dict[str, int]) -> None:
    while True:
        _look(system, peaks)
        await asyncio.sleep(_POLL_SECONDS)


def _look(system: WholeSystem, peaks: dict[str, int]) -> None:
    for function, process in _processes(system):
        with suppress(OSError):
            if found := _PEAK.search((process / "status").read_text()):
                peaks[function] = max(peaks.get(function, 0), int(found[1]) // 1024)


def _processes(system: WholeSystem) -> list[tuple[str, Path]]:
    names = [(function, name) for function in FUNCTIONS for name in system.names(function)]
    pids = [(function, system.pid_of(name)) for function, name in names]
    return [(function, Path(f"/proc/{pid}")) for function, pid in pids if pid]
