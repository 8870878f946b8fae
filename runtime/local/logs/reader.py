"""`eps logs`: the lines of processes in order of time, and those that follow."""

import heapq
import os
import re
import select
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

from runtime.local.logs.files import earlier_file, log_file, logged

_POLL_SECONDS: Final = 0.2
_TIMESTAMP: Final = re.compile(rb'"timestamp":"([^"Z]*)')
_NUMBER: Final = re.compile(r"-[0-9]+")
Line = tuple[str, bytes]
"""The process that wrote it, and the line without its newline."""


def matching(folder: Path, wanted: Collection[str]) -> list[str]:
    """Name the logs of some processes; a function's name stands for all of its replicas."""
    return [name for name in logged(folder) if _is_wanted(name, wanted)]


def _is_wanted(name: str, wanted: Collection[str]) -> bool:
    if not wanted:
        return True
    return any(
        name == it or (name.startswith(it) and _NUMBER.fullmatch(name[len(it) :])) for it in wanted
    )


class LogReader:
    """Reads the logs of a folder: first the existing lines, then new ones.

    Lines of several processes are ordered by their time, among those that are
    read together.
    """

    def __init__(self, folder: Path, wanted: Collection[str] = ()) -> None:
        """Open the existing logs.

        Args:
            folder: Where the logs are.
            wanted: Names of processes or functions; empty for all.
        """
        self._folder = folder
        self._wanted = wanted
        self._tails: dict[str, _Tail] = {}

    def close(self) -> None:
        """Close all files."""
        for tail in self._tails.values():
            tail.close()

    def there(self, last: int | None = None) -> Iterator[Line]:
        """Yield the unread lines written up to now.

        Args:
            last: Maximum lines of each process; None for all.
        """
        self._look()
        sources = [_numbered(name, tail.read(), last) for name, tail in self._tails.items()]
        for _, name, line in heapq.merge(*sources, key=lambda it: it[0]):
            yield name, line

    def follow(self, is_read: Callable[[], bool]) -> Iterator[Line | None]:
        """Yield lines written from now on, while there is a reader; None when all are read."""
        while is_read():
            yield from self.there()
            yield None
            time.sleep(_POLL_SECONDS)

    def _look(self) -> None:
        for name in matching(self._folder, self._wanted):
            if name not in self._tails:
                self._tails[name] = _Tail(self._folder, name)


def _numbered(
    name: str, lines: Iterable[bytes], last: int | None
) -> Iterator[tuple[bytes, str, bytes]]:
    moment = b""
    for line in lines if last is None else deque(lines, maxlen=last):
        found = _TIMESTAMP.search(line, 0, 80)
        moment = max(moment, found[1]) if found else moment
        yield moment, name, line


class _Tail:
    """Reads one process's lines over the change from one file to the next."""

    def __init__(self, folder: Path, name: str) -> None:
        self._current = log_file(folder, name)
        self._earlier = earlier_file(folder, name)
        self._file: BufferedReader | None = None
        self._begun = b""
        self._is_new = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> Iterator[bytes]:
        """Yield the new whole lines."""
        if self._is_new:
            self._is_new = False
            yield from self._begin()
        while self._file is not None:
            yield from self._rest()
            if self._is(self._current):
                return
            yield from self._rest()  # lines written between the last read and the change
            yield from self._end()
            yield from self._next()
        self._file = _opened(self._current)
        if self._file is not None:
            yield from self._rest()

    def _begin(self) -> Iterator[bytes]:
        """Read the file before the current one, if there is one, and open that."""
        self._file = _opened(self._earlier) or _opened(self._current)
        if self._file is not None and self._is(self._earlier):
            yield from self._rest()
            yield from self._end()
            self.close()
            self._file = _opened(self._current)

    def _next(self) -> Iterator[bytes]:
        """Switch to the current file; between it and the last one there may be one more."""
        between = None if self._is(self._earlier) else _opened(self._earlier)
        self.close()
        if between is not None:
            self._file = between
            yield from self._rest()
            yield from self._end()
            self.close()
        self._file = _opened(self._current)

    def _rest(self) -> Iterator[bytes]:
        file = self._file
        if file is None:
            return
        if os.fstat(file.fileno()).st_size < file.tell():  # the file was truncated
            file.seek(0)
            self._begun = b""
        for piece in file:
            if piece.endswith(b"\n"):
                yield self._begun + piece[:-1]
                self._begun = b""
            else:
                self._begun += piece

    def _end(self) -> Iterator[bytes]:
        """Yield the half line that a file ends with."""
        if self._begun:
            yield self._begun
            self._begun = b""

    def _is(self, path: Path) -> bool:
        if self._file is None:
            return False
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        return False


def _opened(path: Path) -> BufferedReader | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def is_read(descriptor: int) -> bool:
    """Return whether a pipe still has a reader; true of anything else."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return not any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))
