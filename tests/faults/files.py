"""As many open files as this machine lets a process have, for those that are started, too."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

_RESERVE = 500
"""What a process needs beside connections."""


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
    """Tell how many connections one process may hold."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit - _RESERVE
