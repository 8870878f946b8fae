"""Resource use of processes from /proc: processor seconds and peak memory."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_RESET_PEAK = "5"  # proc(5), clear_refs


def processor_seconds(pid: int) -> float:
    """Sum user and system time of a process and all its descendants, including ended ones.

    What ended was reaped by its parent, which keeps its time; PostgreSQL does.
    """
    return sum(_own_and_reaped(each) for each in family(pid))


def _own_and_reaped(pid: int) -> float:
    with suppress(OSError):
        # The name, in brackets, may hold anything; after it come state, ppid, …
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS_A_SECOND
    return 0.0


def family(pid: int) -> list[int]:
    """List a process and its descendants."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [pid, *(child.pid for child in parent.children(recursive=True))]
    return []


def peak_megabytes(pid: int) -> float:
    """Return the peak resident memory of the largest of a process and its descendants."""
    return max((_peak(each) for each in family(pid)), default=0.0)


def _peak(pid: int) -> float:
    with suppress(OSError):
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def reset_peaks(pids: Iterable[int]) -> None:
    """Reset the peaks, if the kernel allows it."""
    for pid in pids:
        for each in family(pid):
            with suppress(OSError):
                Path(f"/proc/{each}/clear_refs").write_text(_RESET_PEAK, encoding="utf-8")


def machine_seconds() -> float:
    """Sum the processor time of all processes of the machine, including other guests."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


@contextmanager
def elsewhere() -> Iterator[list[float]]:
    """Measure the share of the machine's processors, in percent, used by other processes.

    The list has it after the context.
    """
    percent: list[float] = []
    ours, machine, began = processor_seconds(os.getpid()), machine_seconds(), time.monotonic()
    yield percent
    others = machine_seconds() - machine - (processor_seconds(os.getpid()) - ours)
    percent.append(100 * others / ((time.monotonic() - began) * (os.cpu_count() or 1)))


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Subtract the earlier values."""
    return {name: max(0.0, round(after[name] - before.get(name, 0.0), 2)) for name in after}
