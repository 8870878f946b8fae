"""The functions on a primary with a promised replica, which can be promoted."""

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
    """The functions of `eps up`, with a replica of the database.

    Attributes:
        is_synchronous: Whether commits wait for it.
        replica: The replica; it is not restarted automatically.
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
        """Make every commit wait for the replica."""
        await self.execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
        await self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await self.execute("SELECT pg_reload_conf()")
        await eventually(self._is_synchronous)

    async def _is_synchronous(self) -> bool:
        found = await self.fetch("SELECT sync_state FROM pg_stat_replication")
        return [it["sync_state"] for it in found] == ["sync"]

    def url_of(self, name: str) -> str:
        """Return the address of a component; ``postgres`` is the server that accepts writes."""
        if name == "postgres" and self._has_failed_over:
            return self.replica.url
        return super().url_of(name)

    @asynccontextmanager
    async def without_a_replica(self) -> AsyncIterator[None]:
        """Stop the replica until the context is left; then it has caught up."""
        await self._replica_runs.aclose()
        try:
            yield
        finally:
            await self._replica_runs.enter_async_context(self.replica)

    async def lose_primary(self) -> None:
        """Kill the primary for good; data that only it had are lost."""
        for (_, other), proxy in self.proxies.items():
            if other == "postgres":
                proxy.lead_to(self.replica.port)
        self.signal("postgres", signal.SIGKILL)
        await self._stop("postgres")
        self._has_failed_over = True

    async def promote(self) -> None:
        """Promote the replica."""
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
