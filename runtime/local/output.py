"""One terminal for many processes: whole lines, told apart by name, nobody kept waiting."""

import os
import select
from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Thread

from runtime.local.process import OnLine

_MAX_WAITING_LINES = 10_000
_AT_ONCE = 500
_CLOSE_SECONDS = 2.0
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


class Output:
    """Writes lines to a descriptor from a thread of its own.

    A terminal that stands still (Ctrl-S, a pager) stops no process: what does
    not fit the bounded queue is dropped, and the number of lost lines is told.
    """

    def __init__(self, descriptor: int, *, width: int, coloured: bool) -> None:
        """Begin to write.

        Args:
            descriptor: Where to; it stays open.
            width: Columns that every name takes.
            coloured: Whether names are coloured.
        """
        self._descriptor = descriptor
        self._width = width
        self._coloured = coloured
        self._dropped = 0
        self._names = 0
        self._queue: Queue[str | None] = Queue(_MAX_WAITING_LINES)
        self._thread = Thread(target=self._write_all, name="output", daemon=True)
        self._thread.start()

    def named(self, name: str) -> OnLine:
        """Make a writer whose lines bear ``name``."""
        head = prefix(name, self._width, _COLOURS[self._names % len(_COLOURS)] * self._coloured)
        self._names += 1
        return lambda line: self.write(head + line)

    def write(self, line: str) -> None:
        """Write a line as soon as it is its turn; returns at once."""
        try:
            if self._dropped:
                self._queue.put_nowait(f"({self._dropped} lines are not shown)")
                self._dropped = 0
            self._queue.put_nowait(line)
        except Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for as long as it makes sense."""
        try:
            self._queue.put(None, timeout=_CLOSE_SECONDS)
        except Full:
            return
        self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        reader_left = False
        for text in self._batches():
            if not reader_left:
                reader_left = not _write(self._descriptor, text.encode("utf-8", "replace"))

    def _batches(self) -> Iterator[str]:
        while (line := self._queue.get()) is not None:
            lines = [line]
            try:
                while len(lines) < _AT_ONCE and (line := self._queue.get_nowait()) is not None:
                    lines.append(line)
            except Empty:
                pass
            yield "\n".join([*lines, ""])
            if line is None:
                return


def prefix(name: str, width: int, colour: int = 0) -> str:
    """Make the head of a line; colour 0 is none."""
    head = f"{name:<{width}} | "
    return f"\x1b[{colour}m{head}\x1b[0m" if colour else head


def _write(descriptor: int, text: bytes) -> bool:
    """Write all of a text; returns whether anybody is there to read it."""
    while text:
        try:
            text = text[os.write(descriptor, text) :]
        except BlockingIOError:  # somebody else made the terminal non-blocking
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True
