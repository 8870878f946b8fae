"""The containers' edge with a real HAProxy: it runs before functions do, and finds new replicas."""

import asyncio
import os
import re
import shutil
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.catalogue import FUNCTIONS
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port
from tests.infra.places import INFRA

HAPROXY = shutil.which("haproxy")
_SECONDS = 30
_NO_SUCH_NAME = 3

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy on the PATH")


class Names(asyncio.DatagramProtocol):
    """Docker's DNS: it resolves the names of running containers."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12)
        name, kind = data[13:end].decode(), data[end + 1 : end + 3]
        found = name in self.known and kind == b"\0\1"
        code = 0 if name in self.known else _NO_SUCH_NAME
        answer = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, found, 0, 0)
        answer += data[12 : end + 5]
        if found:
            answer += struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(LOOPBACK)
        self._transport.sendto(answer, addr)


class Edge:
    """A running edge, with a port for each function and one for its own health."""

    def __init__(self, names: Names, ports: dict[int, int]) -> None:
        self.names = names
        self._ports = ports
        self._backends = {name: free_port() for name in FUNCTIONS}
        self._servers: list[asyncio.Server] = []

    def configuration(self, names_port: int) -> str:
        """Return the edge's own configuration, with ports of this test."""
        text = (INFRA / "haproxy.cfg").read_text(encoding="utf-8")
        text = text.replace("127.0.0.11:53", f"{LOOPBACK}:{names_port}")
        for port, own in self._ports.items():
            text = text.replace(f"bind :{port}", f"bind {LOOPBACK}:{own}")
        for name, port in self._backends.items():
            text = re.sub(rf"(replica \d+ {name}):\d+", rf"\1:{port}", text)
        return text

    async def run(self, name: str) -> None:
        """Start a function, which answers everything."""
        server = await asyncio.start_server(_answer, LOOPBACK, self._backends[name])
        self._servers.append(server)
        self.names.known.add(name)

    async def ask(self, port: int, path: str) -> int:
        """Return the status of an answer; 0 if nothing listens."""
        try:
            async with httpx.AsyncClient() as client:
                return (
                    await client.get(f"http://{LOOPBACK}:{self._ports[port]}{path}")
                ).status_code
        except httpx.TransportError:
            return 0

    async def comes_to(self, status: int, port: int, path: str) -> None:
        """Wait for an answer with a status."""
        async with asyncio.timeout(_SECONDS):
            while await self.ask(port, path) != status:
                await asyncio.sleep(0.05)

    def close(self) -> None:
        for server in self._servers:
            server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


_HEALTH = 8404


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    async with _names() as (names, names_port):
        ports = {it: free_port() for it in (*(f.port for f in FUNCTIONS.values()), _HEALTH)}
        running = Edge(names, ports)
        file = tmp_path / "haproxy.cfg"
        file.write_text(running.configuration(names_port), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            str(HAPROXY),
            *("-f", str(file)),
            env={**os.environ, "EDGE_OPENS": "all"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield running
        finally:
            process.kill()
            await process.wait()
            running.close()


@asynccontextmanager
async def _names() -> AsyncIterator[tuple[Names, int]]:
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(Names, local_addr=(LOOPBACK, 0))
    try:
        yield names, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def test_ports_are_open_before_a_function_runs_and_answer_503(edge: Edge) -> None:
    for function in FUNCTIONS.values():
        await edge.comes_to(503, function.port, "/health/live")
    await edge.comes_to(503, _HEALTH, "/healthz")


async def test_each_function_is_found_when_it_comes(edge: Edge) -> None:
    await edge.comes_to(503, _HEALTH, "/complete")
    for name, function in FUNCTIONS.items():
        assert await edge.ask(_HEALTH, "/complete") == 503
        await edge.run(name)
        await edge.comes_to(200, function.port, "/health/live")
        await edge.comes_to(200, _HEALTH, "/healthz")

    await edge.comes_to(200, _HEALTH, "/complete")
