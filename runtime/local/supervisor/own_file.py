"""Files that only their owner may read."""

import os
from pathlib import Path


def write_own(path: Path, text: str) -> None:
    """Write a file, all or nothing, that only its owner may read, whatever the umask."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
