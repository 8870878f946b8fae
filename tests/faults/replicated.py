"""The functions on a primary that promises a replica, which can take the primary's place."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.contract.broker import eventually
from tests.contract.replica import Replica
from tests.faults.kept_system import KeptSystem

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1


class ReplicatedSystem(KeptSystem):
    """What `eps up` runs, with a replica beside the database.

    Attributes:
        is_synchronous: Whether commits wait for it.
        replica: It; nobody brings it back by itself.
    """

    replica: Replica

    def __init__(self, folder: Path, *, is_synchronous: bool = True, **settings: str) -> None:
        super().__init__(folder, **settings)
        self.is_synchronous = is_synchronous
        self._folder = folder
        self._has_failed_over = False
        self._replica_runs = AsyncExitStack()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        async with super().up(), self._replica_runs:
            self.replica = Replica(self._folder / "replica", self._primary)
            await self._replica_runs.enter_async_context(self.replica)
            if self.is_synchronous:
                await self.promise_copies()
            yield

    @property
    def _primary(self) -> Any:
        return self._servers["postgres"]

    async def promise_copies(self) -> None:
        """Let every commit wait for the replica."""
        await self.execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
        await self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await self.execute("SELECT pg_reload_conf()")
        await eventually(self._is_synchronous)

    async def _is_synchronous(self) -> bool:
        found = await self.fetch("SELECT sync_state FROM pg_stat_replication")
        return [it["sync_state"] for it in found] == ["sync"]

    def url_of(self, name: str) -> str:
        """Tell where a component answers; ``postgres`` is who takes the writes."""
        if name == "postgres" and self._has_failed_over:
            return self.replica.url
        return super().url_of(name)

    @asynccontextmanager
    async def without_a_replica(self) -> AsyncIterator[None]:
        """Have the replica ended until the context is left; then it is as far as it was."""
        await self._replica_runs.aclose()
        try:
            yield
        finally:
            await self._replica_runs.enter_async_context(self.replica)

    async def lose_primary(self) -> None:
        """End the primary, for good and without a word; whatever it had and nobody else is gone."""
        for (_, other), proxy in self.proxies.items():
            if other == "postgres":
                proxy.lead_to(self.replica.port)
        self.signal("postgres", signal.SIGKILL)
        await self._stop("postgres")
        self._has_failed_over = True

    async def promote(self) -> None:
        """Let the replica take the primary's place."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await self._promoted():
                await asyncio.sleep(_POLL_SECONDS)

    async def _promoted(self) -> bool:
        try:
            connection = await asyncpg.connect(self.replica.url, timeout=2)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            return bool(await connection.fetchval("SELECT pg_promote()"))
        finally:
            await connection.close()
