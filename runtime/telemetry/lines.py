"""Write lines to a descriptor from a separate thread: many at once, without blocking."""

import os
import select
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Protocol

_MAX_WAITING_BYTES = 8 * 1024**2
_CLOSE_SECONDS = 2.0


class Lines(Protocol):
    """Takes lines to write."""

    def write(self, lines: bytes, *, at_once: bool = False) -> None:
        """Write whole lines, each with its newline."""


class DirectLines:
    """Writes each line before it returns: for a process that may be frozen right after.

    Args:
        descriptor: The descriptor to write to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, lines: bytes, *, at_once: bool = False) -> None:  # noqa: ARG002 - always
        """Write whole lines; see ``Lines``."""
        write_all(self._descriptor, lines)


class LineWriter:
    """Gathers lines for a moment and writes them with one system call.

    A reader that stands still (Ctrl-S, a pager, a full disk) stops no process:
    lines that don't fit into a bounded memory are dropped, and their number is
    reported.
    """

    def __init__(
        self, descriptor: int, *, gather_seconds: float, tell_lost: Callable[[int], bytes]
    ) -> None:
        """Begin to write.

        Args:
            descriptor: The descriptor to write to; it stays open.
            gather_seconds: How long the first line waits for others.
            tell_lost: Makes the line that reports how many were lost.
        """
        self._descriptor = descriptor
        self._gather_seconds = gather_seconds
        self._tell_lost = tell_lost
        self._lock = Lock()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lost = 0
        self._some = Event()
        self._at_once = Event()
        self._closed = False
        self._thread = Thread(target=self._write_all, name="lines", daemon=True)
        self._thread.start()

    def write(self, lines: bytes, *, at_once: bool = False) -> None:
        """Write whole lines, each with its newline; returns at once.

        Args:
            lines: One or more.
            at_once: Write it, and everything waiting before it, without gathering more.
        """
        with self._lock:
            if self._waiting_bytes > _MAX_WAITING_BYTES:
                self._lost += lines.count(b"\n")
            else:
                self._waiting.append(lines)
                self._waiting_bytes += len(lines)
        if at_once:
            self._at_once.set()
        if not self._some.is_set():
            self._some.set()

    def close(self) -> None:
        """Write the waiting lines, for as long as the reader keeps up."""
        self._closed = True
        self._at_once.set()
        self._some.set()
        self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        reader_left = False
        while not (self._closed and not self._waiting):
            self._some.wait()
            self._at_once.wait(self._gather_seconds)
            self._at_once.clear()
            self._some.clear()
            lines = self._take()
            if not reader_left:
                reader_left = not write_all(self._descriptor, lines)

    def _take(self) -> bytes:
        with self._lock:
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            lost, self._lost = self._lost, 0
        return b"".join([*waiting, self._tell_lost(lost)] if lost else waiting)


def write_all(descriptor: int, lines: bytes) -> bool:
    """Write all of it; returns whether the reader is still there."""
    rest = memoryview(lines)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process made the terminal non-blocking
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True
