"""Control groups that limit a process to its container's memory, if this user may create them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_ROOT = Path("/sys/fs/cgroup")
_JOIN = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path | None]:
    """Create a group while the context is open; None if it can't be created.

    A process that exceeds the limit is killed, as in a container.
    """
    made = _make(limit_bytes)
    try:
        yield made
    finally:
        if made:
            made.rmdir()


def joined(group: Path | None, command: Sequence[str]) -> Sequence[str]:
    """Make a command join a group before it uses any memory."""
    return command if group is None else ("sh", "-c", _JOIN, str(group), *command)


def _make(limit_bytes: int) -> Path | None:
    # version 1 has a separate tree for memory, version 2 one tree for everything
    version_1 = _ROOT / "memory"
    parent, limit = (
        (version_1, "memory.limit_in_bytes") if version_1.is_dir() else (_ROOT, "memory.max")
    )
    group = parent / f"eps-{uuid4().hex}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / limit).write_text(str(limit_bytes))
    except OSError:  # in version 2: memory is not handed down to this group
        group.rmdir()
        return None
    return group
