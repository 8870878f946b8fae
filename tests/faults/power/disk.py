"""The disk that loses unsynced data, for tests: mounted, cut off, mounted again."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from runtime.local.embedded.process import Child, Program
from tests.faults.power.names import CUT, MOUNTED, RESTORE

_PATIENCE_SECONDS = 20
_POLL_SECONDS = 0.02
_LIBRARY = Path(sys.prefix) / "lib" / "libfuse3.so"
"""Where test.sh puts it on a machine without it."""


class ForgetfulDisk:
    """A mounted folder whose unsynced bytes a power cut loses.

    Attributes:
        path: Where it is mounted.
    """

    def __init__(self, path: Path, child: Child, lines: list[str]) -> None:
        self.path = path
        self._child = child
        self._lines = lines
        self._mounts = 0

    @property
    def forgotten_bytes(self) -> list[int]:
        """How many unsynced bytes each cut found."""
        return [int(line) for line in self._lines if line.isdigit()]

    async def until_mounted(self) -> bool:
        """Wait for it; returns whether it came."""
        self._mounts += 1
        ended = asyncio.create_task(self._child.wait())
        await self._until(lambda: self._lines.count(MOUNTED) == self._mounts or ended.done())
        is_there = not ended.done()
        ended.cancel()
        return is_there

    async def cut(self, torn_seed: str = "") -> None:
        """Cut the power: unsynced data are lost, and every call fails from now on.

        Args:
            torn_seed: Draws which of it is left nevertheless; nothing without a seed.
        """
        cuts = len(self.forgotten_bytes)
        await self._tell(f"{CUT}{torn_seed}")
        await self._until(lambda: len(self.forgotten_bytes) > cuts)

    async def restore(self) -> None:
        """Mount the remaining files again; nothing may use the disk any more."""
        await self._tell(RESTORE)
        await self.until_mounted()

    async def _tell(self, what: str) -> None:
        with suppress(OSError):  # as every call does while the power is off
            await asyncio.to_thread(os.mkdir, self.path / what)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not is_so():
                await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def forgetful_disk(*, by_folder: bool = False) -> AsyncIterator[ForgetfulDisk]:
    """Mount an empty one while the context is open; skips the test if that is not possible.

    Args:
        by_folder: Whether names last only when their folder was synced.
    """
    # not pytest's own folder, which the database's user can't enter
    with tempfile.TemporaryDirectory(prefix="eps-power-") as folder:
        names = "by_folder" if by_folder else "in_order"
        command = (sys.executable, "-m", "tests.faults.power.forgetful", folder, names)
        lines: list[str] = []
        child = await Child.start(
            Program(command, _library()), lambda output: lines.extend(output.splitlines())
        )
        disk = ForgetfulDisk(Path(folder), child, lines)
        try:
            if not await disk.until_mounted():
                pytest.skip(f"no disk that forgets can be mounted here: {lines[-1]}")
            yield disk
        finally:
            await child.stop()


def _library() -> Mapping[str, str]:
    return {"FUSE_LIBRARY_PATH": str(_LIBRARY)} if _LIBRARY.exists() else {}
