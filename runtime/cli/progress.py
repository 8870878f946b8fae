"""A progress line on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Update one line on a terminal and clear it at the end; elsewhere write a line per step."""
    if not sys.stderr.isatty():
        yield lambda step: _write(f"{step}\n")
        return
    try:
        yield lambda step: _write(f"\r\033[K{step} …")
    finally:
        _write("\r\033[K")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
