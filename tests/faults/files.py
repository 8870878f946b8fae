"""The open-file limit raised as far as possible, also for started processes."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

_RESERVE = 500
"""Files that a process needs besides connections."""


@contextmanager
def let_open_many() -> Iterator[None]:
    """Raise the limit while the context is open."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def connections_possible() -> int:
    """Return how many connections one process may hold."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit - _RESERVE
