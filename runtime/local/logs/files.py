"""The log of each process: `logs/NAME.jsonl` in the data folder, preceded by `NAME.1.jsonl`."""

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from runtime.local.logs.form import as_json

_GATHER_SECONDS: Final = 0.1
"""The longest delay for a reader who follows; one system call instead of many."""

_MAX_WAITING_BYTES: Final = 8 * 1024**2
"""Lines in the supervisor's memory that wait for a blocked disk."""

_CLOSE_SECONDS: Final = 2.0
_SUFFIX: Final = ".jsonl"


def log_folder(data_dir: Path) -> Path:
    """Return the folder of the logs of a data folder."""
    return data_dir / "logs"


def log_file(folder: Path, name: str) -> Path:
    """Return the file that a process's lines are written to."""
    return folder / f"{name}{_SUFFIX}"


def earlier_file(folder: Path, name: str) -> Path:
    """Return the file of a process's earlier lines."""
    return folder / f"{name}.1{_SUFFIX}"


def logged(folder: Path) -> list[str]:
    """Name the processes that have a log."""
    stems = (file.name.removesuffix(_SUFFIX) for file in folder.glob(f"*{_SUFFIX}"))
    return sorted({stem.removesuffix(".1") for stem in stems})


class LogFiles:
    """Writes the lines of many processes from a separate thread; no process waits for the disk.

    A file that would exceed the bound replaces the one before it. Lines refused by the disk
    are dropped, and their number is written to the file once the disk accepts lines again.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Begin to write.

        Args:
            folder: Made if missing, for its owner alone.
            max_bytes: Of a file; each process has two.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._files: dict[str, _LogFile] = {}
        self._lock = Lock()
        self._waiting: list[tuple[str, str]] = []
        self._waiting_bytes = 0
        self._lost: dict[str, int] = {}
        self._some = Event()
        self._close = Event()
        self._thread = Thread(target=self._write_all, name="log files", daemon=True)
        self._thread.start()

    def write(self, name: str, lines: str) -> None:
        """Write JSON lines of a process, with newlines between them, soon; returns at once."""
        with self._lock:
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                self._lost[name] = self._lost.get(name, 0) + lines.count("\n") + 1
            else:
                self._waiting.append((name, lines))
                self._waiting_bytes += len(lines)
        if not self._some.is_set():
            self._some.set()

    def close(self) -> None:
        """Write the waiting lines, for as long as that makes sense."""
        self._close.set()
        self._some.set()
        self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        while not (self._close.is_set() and not self._waiting):
            self._some.wait()
            self._close.wait(_GATHER_SECONDS)
            self._some.clear()
            for name, lines in self._take():
                self._file(name).write(lines)
        for file in self._files.values():
            file.close()

    def _take(self) -> Iterable[tuple[str, list[str]]]:
        with self._lock:
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            lost, self._lost = self._lost, {}
        by_name: dict[str, list[str]] = {}
        for name, lines in waiting:
            by_name.setdefault(name, []).append(lines)
        for name, count in lost.items():
            by_name.setdefault(name, []).append(_tell_lost(name, count))
        return by_name.items()

    def _file(self, name: str) -> "_LogFile":
        if name not in self._files:
            self._files[name] = _LogFile(self._folder, name, self._max_bytes)
        return self._files[name]


class _LogFile:
    """One process's two files."""

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self._folder = folder
        self._name = name
        self._max_bytes = max_bytes
        self._descriptor = -1
        self._size = 0
        self._lost = 0
        self._is_torn = False

    def write(self, chunks: Iterable[str]) -> None:
        """Append texts of whole lines, joined up to the bound."""
        gathered: list[bytes] = []
        size = 0
        for chunk in chunks:
            lines = f"{chunk}\n".encode("utf-8", "replace")
            if gathered and self._size + size + len(lines) > self._max_bytes:
                self._append(b"".join(gathered))
                gathered, size = [], 0
            gathered.append(lines)
            size += len(lines)
        self._append(b"".join(gathered))

    def close(self) -> None:
        """Close the file until the next write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, lines: bytes) -> None:
        try:
            self._open(len(lines))
            if self._lost:
                told = f"{_tell_lost(self._name, self._lost)}\n".encode()
                self._put(b"\n" * self._is_torn + told)
                self._lost = 0
            self._put(lines)
        except OSError:
            self._lost += lines.count(b"\n")

    def _open(self, coming: int) -> None:
        if self._descriptor >= 0 and self._size + coming > self._max_bytes:
            self.close()
            log_file(self._folder, self._name).replace(earlier_file(self._folder, self._name))
        if self._descriptor < 0:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._descriptor = os.open(log_file(self._folder, self._name), flags, 0o600)
            self._size = os.fstat(self._descriptor).st_size
            self._end_torn_line()

    def _end_torn_line(self) -> None:
        """Begin on a new line if a crash or a full disk has left half a line."""
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._put(b"\n")

    def _put(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            written = os.write(self._descriptor, rest)
            self._size += written
            self._is_torn = rest[written - 1] != ord("\n")
            rest = rest[written:]


def _tell_lost(name: str, lines: int) -> str:
    return as_json(name, f"WARNING: {lines} lines are lost: they could not be written to disk")
