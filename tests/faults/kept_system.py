"""The functions of `eps up`, with a proxy before every server, and servers that can be stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.process import Child, Program
from runtime.local.embedded.readiness import until_ready
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port
from runtime.local.supervisor.keeper import Keeper
from runtime.local.supervisor.plan import ALL_PLANNED
from tests.e2e.whole_system import WholeSystem
from tests.faults.fault import FUNCTIONS, IMPATIENT
from tests.faults.proxy import Proxy

CLIENTS = "clients"
"""The clients, as the other side of a proxy before a function."""

_COMMANDS = {function.name: function.command for function in ALL_PLANNED}
_STOP_SECONDS = 30.0


class KeptSystem(WholeSystem):
    """Servers and functions that are restarted when they die, as in `eps up`.

    Attributes:
        proxies: By function and by the other side: ``nats``,
            ``postgres`` or ``CLIENTS``. There is no other way.
    """

    _replicas: Sequence[str] = FUNCTIONS

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder / "data")
        self.proxies: dict[tuple[str, str], Proxy] = {}
        self._settings = {**IMPATIENT, **settings}
        self._servers: dict[str, EmbeddedServer] = {
            server.name: server for server in self._make_servers(folder)
        }
        self._ports: dict[str, int] = {}
        self._programs: dict[str, Program] = {}
        self._keepers: dict[str, Keeper] = {}

    def _make_servers(self, folder: Path) -> Sequence[EmbeddedServer]:
        return EmbeddedNats(folder / "nats"), EmbeddedPostgres(folder / "postgres")

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        async with AsyncExitStack() as stack:
            for name in self._servers:
                stack.push_async_callback(self._stop, name)
                self._keep(name)
            await self._until_served()
            for name in self._replicas:
                await self._start_function(name, stack)
            await self.all_ready(*FUNCTIONS)
            yield

    @asynccontextmanager
    async def away(self, name: str) -> AsyncIterator[None]:
        """Stop a server, and leave its port closed until the context is left."""
        await self._stop(name)
        try:
            yield
        finally:
            self._keep(name)

    def names(self, function: str) -> list[str]:
        """Name the replicas of a function."""
        return [name for name in self._ports if _function_of(name) == function]

    def url_of(self, name: str) -> str:
        """Return the address of a component; functions are reached through their proxy."""
        return next(url for known, url in self._urls() if known == name)

    def _urls(self) -> Iterator[tuple[str, str]]:
        for name, server in self._servers.items():
            yield name, server.url
        for name in self._ports:
            yield name, f"http://{LOOPBACK}:{self.proxies[name, CLIENTS].port}"

    def _process_of(self, name: str) -> dict[str, Any]:
        return {"name": name, "url": self.url_of(name), "pid": self._keepers[name].pid}

    def _server_urls(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        return {name: self._servers[name].url for name in ("nats", "postgres")}

    async def _until_served(self) -> None:
        for name, server in self._servers.items():
            await until_ready(
                name,
                server.check,
                hopeless=self._keepers[name].hopeless(),
                seconds=server.ready_seconds,
            )

    async def _start_function(self, name: str, stack: AsyncExitStack) -> None:
        self._ports[name] = free_port()
        await self._stand_before(name, CLIENTS, self._ports[name], stack)
        urls = dict(self._server_urls(name))
        for server in urls.keys() & self._servers.keys():
            port = self._servers[server].port
            await self._stand_before(name, server, port, stack)
            proxy = self.proxies[name, server]
            urls[server] = urls[server].replace(f":{port}", f":{proxy.port}")
        self._programs[name] = self._program(name, urls)
        stack.push_async_callback(self._stop, name)
        self._keep(name)

    async def _stand_before(self, name: str, other: str, port: int, stack: AsyncExitStack) -> None:
        self.proxies[name, other] = await stack.enter_async_context(Proxy.before(port))

    def _program(self, name: str, urls: Mapping[str, str]) -> Program:
        return Program(
            _COMMANDS[_function_of(name)],
            {
                **self._settings,
                "PORT": str(self._ports[name]),
                "DATABASE_URL": urls["postgres"],
                "NATS_URL": urls["nats"],
                "LOG_LEVEL": "error",
            },
            stop_seconds=_STOP_SECONDS,
        )

    def _keep(self, name: str) -> None:
        start = self._start_server if name in self._servers else self._start_program
        self._keepers[name] = Keeper(name, partial(start, name), say=_ignore, changed=_nothing)

    async def _start_server(self, name: str) -> Child:
        server = self._servers[name]
        await server.prepare(_ignore)
        return await Child.start(server.program(), _ignore)

    async def _start_program(self, name: str) -> Child:
        return await Child.start(self._programs[name], _ignore)

    async def _stop(self, name: str) -> None:
        await self._keepers[name].stop(asyncio.Event())


def _function_of(name: str) -> str:
    return name.rstrip("-0123456789")


def _ignore(_: str) -> None:
    """Discard lines."""


def _nothing() -> None:
    """Keep no list of process ids besides the keepers'."""
