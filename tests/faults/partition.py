"""Three brokers, each with its own gateway, and proxies between them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import permutations

from runtime.local.embedded.tcp_ports import LOOPBACK
from tests.faults.cluster import NODES, ClusteredSystem
from tests.faults.fault import FUNCTIONS
from tests.faults.proxy import Proxy

_GATEWAYS = {"gateway-1": "nats-1", "gateway-2": "nats-2", "gateway-3": "nats-3"}
_NOWHERE = f"{LOOPBACK}:9"  # discard's port: nobody listens


class PartitionedSystem(ClusteredSystem):
    """A cluster whose nodes reach each other through proxies only.

    A node announces its own address to the others, and their addresses to clients;
    here the first is a closed port, and the second is left out.
    """

    _replicas = (*_GATEWAYS, *FUNCTIONS[1:])

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        async with AsyncExitStack() as stack:
            self._links: dict[tuple[str, str], Proxy] = {}
            ports = {name: node.cluster_ports[name] for name, node in self._nodes.items()}
            for one, other in permutations(NODES, 2):
                link = await stack.enter_async_context(Proxy.before(ports[other]))
                self._links[one, other] = link
            for name, node in self._nodes.items():
                links = {
                    other: link.port for (one, other), link in self._links.items() if one == name
                }
                node.cluster_ports = {**links, name: ports[name]}
                node.flags = ["--cluster_advertise", _NOWHERE, "--no_advertise=true"]
            async with super().up():
                yield

    @contextmanager
    def apart(self, alone: str) -> Iterator[str]:
        """Block everything between a node and the others while the context is open.

        Connections stay, as where packets are dropped; what was sent arrives afterwards.

        Returns:
            Where the gateway answers that knows this node only.
        """
        links = [link for ends, link in self._links.items() if alone in ends]
        for link in links:
            link.stall()
        try:
            yield next(self.url_of(name) for name, node in _GATEWAYS.items() if node == alone)
        finally:
            for link in links:
                link.heal()

    def _server_urls(self, name: str) -> Mapping[str, str]:
        urls = super()._server_urls(name)
        return {**urls, "nats": self._nodes[_GATEWAYS[name]].url} if name in _GATEWAYS else urls
