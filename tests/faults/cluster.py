"""A broker of three nodes that store each stream three times, and the functions that use it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from nats.aio.client import Client
from nats.errors import Error as NatsError

from runtime.local.embedded.nats_server import EmbeddedNats, quoted
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.process import Program
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port
from tests.certificates import Certificate, make_certificate
from tests.faults.kept_system import KeptSystem

_CONFIGURATION = Path(__file__).parents[2] / "infra" / "nats-cluster.conf"
ROUTE_PASSWORD = "it's 1"
NODES = ("nats-1", "nats-2", "nats-3")
_READY_SECONDS = 60


class ClusterNode(EmbeddedNats):
    """A node of the cluster; its name identifies the leader.

    Attributes:
        cluster_ports: The ports of the other nodes, and its own.
        flags: Further arguments.
    """

    def __init__(self, data_dir: Path, name: str, cluster_ports: dict[str, int]) -> None:
        super().__init__(data_dir)
        self.name = self._server_name = name
        self.cluster_ports = cluster_ports
        self.flags: Sequence[str] = ()

    def program(self) -> Program:
        """Return the command to run."""
        usual = super().program()
        command = [str(_CONFIGURATION) if it.endswith("nats.conf") else it for it in usual.command]
        return replace(
            usual,
            command=[*command, *self.flags],
            environment={**usual.environment, **self._settings},
        )

    @property
    def certificate(self) -> Certificate:
        """The certificate that it shows to the others."""
        return _certificate_of(self.data_dir.parent)

    @property
    def _settings(self) -> dict[str, str]:
        nodes = self.cluster_ports.values()
        route = f"route:{quote(ROUTE_PASSWORD, safe='')}@{LOOPBACK}"
        return {
            "NATS_ROUTE_CERT": quoted(str(self.certificate.file)),
            "NATS_ROUTE_KEY": quoted(str(self.certificate.key)),
            "NATS_ROUTE_CA": quoted(str(self.certificate.file)),
            "NATS_SERVER_NAME": self.name,
            "NATS_CLUSTER_LISTEN": f"{LOOPBACK}:{self.cluster_ports[self.name]}",
            "NATS_ROUTE_PASSWORD": quoted(ROUTE_PASSWORD),
            "NATS_ROUTES": json.dumps([f"tls://{route}:{port}" for port in nodes]),
        }


@cache
def _certificate_of(folder: Path) -> Certificate:
    """Make the certificate that all nodes show each other."""
    return make_certificate(folder, common_name="routes")


class ClusteredSystem(KeptSystem):
    """The same functions on a broker of three nodes, which announce each other; no proxies."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, STREAM_REPLICAS="3")

    async def leader(self) -> str:
        """Return the node that leads the stream of events."""
        async with self._client() as client:
            info = await client.jetstream().stream_info("EVENTS")
            assert info.cluster
            return str(info.cluster.leader)

    async def whole(self) -> None:
        """Wait until every replica of the stream is complete."""
        async with asyncio.timeout(_READY_SECONDS), self._client() as client:
            while not await _is_whole(client):
                await asyncio.sleep(0.2)

    def url_of(self, name: str) -> str:
        """Return the address of a component; ``nats`` is any running node."""
        return self._all_nodes if name == "nats" else super().url_of(name)

    def _make_servers(self, folder: Path) -> Sequence[EmbeddedServer]:
        ports = {name: free_port() for name in NODES}
        self._nodes = {name: ClusterNode(folder / name, name, ports) for name in NODES}
        return [*self._nodes.values(), EmbeddedPostgres(folder / "postgres")]

    def _server_urls(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        return {"nats": self._all_nodes, "postgres": self._servers["postgres"].url}

    async def _until_served(self) -> None:
        await super()._until_served()
        async with asyncio.timeout(_READY_SECONDS):
            while not await self._is_led():
                await asyncio.sleep(0.2)

    @property
    def _all_nodes(self) -> str:
        return ",".join(self._servers[name].url for name in NODES)

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


async def _is_whole(client: Client) -> bool:
    try:
        info = await client.jetstream().stream_info("EVENTS")
    except (NatsError, TimeoutError):
        return False
    copies = (info.cluster and info.cluster.replicas) or []
    return len(copies) == len(NODES) - 1 and all(copy.current for copy in copies)


async def _ignore_error(_: Exception) -> None:
    """The caller retries."""
