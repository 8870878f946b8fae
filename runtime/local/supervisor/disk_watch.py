"""Stop the test events before they fill the disk."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

_EVERY_SECONDS = 5.0
_GIGABYTE = 1024**3


async def watch_disk(
    data_dir: Path, reserve_bytes: int, stop: Callable[[], Awaitable[None]]
) -> None:
    """Return once too little is free on a folder's disk, after stopping the publisher.

    Args:
        data_dir: On the disk.
        reserve_bytes: The space to keep free.
        stop: Stops the publisher.
    """
    while shutil.disk_usage(data_dir).free >= reserve_bytes:  # noqa: ASYNC110 - a disk can only be asked
        await asyncio.sleep(_EVERY_SECONDS)
    await stop()


def in_gigabytes(size: int) -> str:
    """Write a number of bytes for a person."""
    return f"{size / _GIGABYTE:.1f} GB"
