"""A broker of three nodes that keep each stream three times, and the functions that use it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from runtime.local.keeper import Keeper
from runtime.local.nats_server import EmbeddedNats
from runtime.local.ports import LOOPBACK, free_port
from runtime.local.postgres_server import EmbeddedPostgres
from runtime.local.process import Child, Program
from tests.e2e.whole_system import WholeSystem
from tests.faults.functions import running

NODES = ("nats-1", "nats-2", "nats-3")
_FUNCTIONS = ("gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter")
_SETTINGS = {
    "ACK_WAIT_SECONDS": "6",
    "DATABASE_TIMEOUT_SECONDS": "4",
    "STREAM_REPLICAS": "3",
}
_READY_SECONDS = 60


class ClusterNode(EmbeddedNats):
    """A node of the cluster; its name is told to those who ask who leads."""

    def __init__(self, data_dir: Path, name: str, cluster_ports: dict[str, int]) -> None:
        super().__init__(data_dir)
        self.name = self._server_name = name
        self._cluster_ports = cluster_ports

    def program(self) -> Program:
        """Say what to run."""
        usual = super().program()
        routes = ",".join(f"nats://{LOOPBACK}:{port}" for port in self._cluster_ports.values())
        mine = f"nats://{LOOPBACK}:{self._cluster_ports[self.name]}"
        flags = ["--cluster_name", "eps", "--cluster", mine, "--routes", routes]
        return replace(usual, command=[*usual.command, *flags])


class ClusteredSystem(WholeSystem):
    """What `eps up` runs, on a broker of three nodes that come back when they die."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data")
        ports = {name: free_port() for name in NODES}
        self._nodes = {name: ClusterNode(folder / name, name, ports) for name in NODES}
        self._postgres = EmbeddedPostgres(folder / "postgres")
        self._ports: dict[str, int] = {}
        self._keepers: dict[str, Keeper] = {}

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._postgres)
            for name in NODES:
                self._keepers[name] = self._keep(name)
                stack.push_async_callback(self._keepers[name].stop, asyncio.Event())
            await self._until_led()
            urls = {"nats": self._all_nodes, "postgres": self._postgres.url}
            for name in _FUNCTIONS:
                function = running(name, _SETTINGS, urls)
                self._ports[name] = await stack.enter_async_context(function)
            yield

    def names(self, function: str) -> list[str]:
        """Name the replicas of a function."""
        return [name for name in self._ports if name == function]

    async def leader(self) -> str:
        """Name the node that leads the stream of events."""
        async with self._client() as client:
            info = await client.jetstream().stream_info("EVENTS")
            assert info.cluster
            return str(info.cluster.leader)

    async def whole(self) -> None:
        """Wait until every copy of the stream is there and has all."""
        async with asyncio.timeout(_READY_SECONDS), self._client() as client:
            while not await _is_whole(client):
                await asyncio.sleep(0.2)

    @property
    def _all_nodes(self) -> str:
        return ",".join(node.url for node in self._nodes.values())

    def _keep(self, name: str) -> Keeper:
        node = self._nodes[name]

        async def start() -> Child:
            await node.prepare(_ignore)
            return await Child.start(node.program(), _ignore)

        return Keeper(name, start, say=_ignore, changed=lambda: None)

    async def _until_led(self) -> None:
        async with asyncio.timeout(_READY_SECONDS):
            while not await self._is_led():
                await asyncio.sleep(0.2)

    async def _is_led(self) -> bool:
        try:
            async with self._client() as client:
                await client.jetstream().account_info()
        except (NatsError, OSError, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        client = Client()
        await client.connect(self._all_nodes.split(","), error_cb=_ignore_error)
        try:
            yield client
        finally:
            await client.close()

    def _process_of(self, name: str) -> dict[str, Any]:
        return next(each for each in self._processes() if each["name"] == name)

    def _processes(self) -> Iterator[dict[str, Any]]:
        yield {"name": "nats", "url": self._nodes[NODES[0]].url}
        yield {"name": "postgres", "url": self._postgres.url, "pid": self._postgres.pid}
        for name, port in self._ports.items():
            yield {"name": name, "url": f"http://{LOOPBACK}:{port}"}
        for name, keeper in self._keepers.items():
            yield {"name": name, "url": self._nodes[name].url, "pid": keeper.pid}


async def _is_whole(client: Client) -> bool:
    try:
        info = await client.jetstream().stream_info("EVENTS")
    except (NatsError, TimeoutError):
        return False
    copies = (info.cluster and info.cluster.replicas) or []
    return len(copies) == len(NODES) - 1 and all(copy.current for copy in copies)


def _ignore(_: str) -> None:
    """Leave a node's lines unread."""


async def _ignore_error(_: Exception) -> None:
    """Leave it to the caller, who tries again."""
