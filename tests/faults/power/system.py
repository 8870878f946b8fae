"""The whole system on a disk that loses unsynced data, and a power cut that ends it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.server import EmbeddedServer
from tests.faults.cluster import ClusteredSystem
from tests.faults.fault import FUNCTIONS
from tests.faults.kept_system import KeptSystem
from tests.faults.power.disk import ForgetfulDisk
from tests.faults.power.family import kill_all


class Powered(KeptSystem):
    """Servers on a disk that loses unsynced data; the functions store nothing."""

    _disk: ForgetfulDisk

    async def cut_power(self, torn_seed: str = "") -> None:
        """End everything at once, and lose unsynced data.

        Args:
            torn_seed: Draws which of it is left nevertheless; nothing without a seed.
        """
        await self._disk.cut(torn_seed)
        everything = [*FUNCTIONS, *self._servers]
        kill_all(pid for pid in map(self.pid_of, everything) if pid)
        await asyncio.gather(*(self._stop(name) for name in everything))

    async def restore_power(self) -> None:
        """Start everything on the remaining files; return when all is ready."""
        await self._disk.restore()
        for name in (*self._servers, *FUNCTIONS):
            self._keep(name)
        await self._until_served()
        await self.all_ready(*FUNCTIONS)


class PoweredSystem(Powered):
    """One broker and the database.

    Args:
        disk: Where they store their data.
        broker: Makes the broker for a folder.
        database: Makes the database for a folder.
    """

    def __init__(
        self,
        disk: ForgetfulDisk,
        *,
        broker: Callable[[Path], EmbeddedServer] = EmbeddedNats,
        database: Callable[[Path], EmbeddedServer] = EmbeddedPostgres,
    ) -> None:
        self._disk = disk
        self._make = {"nats": broker, "postgres": database}
        super().__init__(disk.path)

    def _make_servers(self, folder: Path) -> Sequence[EmbeddedServer]:
        return [make(folder / name) for name, make in self._make.items()]


class PoweredCluster(Powered, ClusteredSystem):
    """Three brokers and the database: a data centre without power."""

    def __init__(self, disk: ForgetfulDisk) -> None:
        self._disk = disk
        super().__init__(disk.path)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        for node in self._nodes.values():
            for file in (node.certificate.file, node.certificate.key):
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        async with super().up():
            yield

    async def waits_for_itself(self) -> bool:
        """Return whether the brokers wait for each other and none of them leads."""
        async with httpx.AsyncClient() as client:
            urls = [f"{node.monitoring_url}/healthz" for node in self._nodes.values()]
            answers = [(await client.get(url)).text for url in urls]
        return all("stream catching up" in answer for answer in answers)
