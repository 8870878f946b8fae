"""The system in containers, by its own scripts, on free ports and separate volumes."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from runtime.local.embedded.tcp_ports import free_port
from runtime.local.supervisor.drain import wait_until_drained

_ROOT = Path(__file__).parents[2]
_PROJECT = "eps-tested"
_PORTS = ("GATEWAY", "FB_COLLECTOR", "TTK_COLLECTOR", "REPORTER", "DEAD_LETTERS")
_SERVERS = ("NATS", "POSTGRES", "PROMETHEUS", "GRAFANA")
_DRAIN_SECONDS = 120


def need_engine(config: pytest.Config) -> None:
    """Skip a test, or fail if the promised engine is missing."""
    if not config.getoption("containers"):
        pytest.skip("takes minutes and a Docker engine with the images: give --containers")
    docker = shutil.which("docker")
    if docker is None or subprocess.call([docker, "info"], stdout=subprocess.DEVNULL):
        pytest.fail("there is no Docker engine")


class Containers:
    """All containers of one project."""

    def __init__(self) -> None:
        self._ports = {f"{name}_PORT": str(free_port()) for name in (*_PORTS, *_SERVERS)}
        self._environment = {**os.environ, **self._ports, "COMPOSE_PROJECT_NAME": _PROJECT}

    async def start(self, *scale: str) -> None:
        """Start everything except the publisher with `./start.sh --docker`."""
        scaled = [word for pair in scale for word in ("--scale", pair)]
        code, output = await self.run("./start.sh", "--docker", "--no-publisher", *scaled)
        assert code == 0, output

    async def down(self, *options: str) -> None:
        """Remove the containers; the data are kept unless an option removes them."""
        code, output = await self.compose("down", *options)
        assert code == 0, output

    async def compose(self, *words: str) -> tuple[int, str]:
        """Run a command of Compose, the plugin's or the older one's."""
        command = 'source infra/containers.sh; compose "$@"'
        return await self.run("bash", "-c", command, "compose", *words)

    async def run(self, *command: str) -> tuple[int, str]:
        """Run a command in the project's folder; return its exit code and all its output."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def health(self) -> tuple[int, str]:
        """Run `./healthcheck.sh`."""
        return await self.run("./healthcheck.sh")

    async def names(self, service: str) -> Sequence[str]:
        """Name a service's containers."""
        filters = [f"label=com.docker.compose.{label}" for label in self._labels(service)]
        _, output = await self.run(
            *("docker", "ps", "--format", "{{.Names}}"),
            *(word for each in filters for word in ("--filter", each)),
        )
        return output.split()

    @staticmethod
    def _labels(service: str) -> Sequence[str]:
        return (f"project={_PROJECT}", f"service={service}")

    async def inspect(self, container: str) -> dict[str, Any]:
        """Return everything that Docker knows about a container."""
        _, output = await self.run("docker", "inspect", container)
        return dict(json.loads(output)[0])

    async def kill(self, container: str) -> None:
        """Crash a container's processes; after Docker's own kill it would not restart."""
        os.kill((await self.inspect(container))["State"]["Pid"], signal.SIGKILL)

    def url_of(self, name: str, scheme: str = "http") -> str:
        """Return the address where something is published."""
        return f"{scheme}://127.0.0.1:{self._ports[f'{name}_PORT']}"

    async def ask(self, name: str, path: str) -> Any:
        """Send an HTTP request."""
        async with httpx.AsyncClient(base_url=self.url_of(name), timeout=60) as client:
            answer = await client.get(path)
            answer.raise_for_status()
            return answer.json()

    async def fetch(self, query: str) -> list[asyncpg.Record]:
        """Query the database directly."""
        url = self.url_of("POSTGRES", "postgresql").replace("//", "//postgres:postgres@")
        connection = await asyncpg.connect(f"{url}/eventdb")
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def drained(self) -> None:
        """Wait until no message waits on the broker."""
        url = self.url_of("NATS", "nats").replace("//", "//operator:operator@")
        waiting = await wait_until_drained(url, seconds=_DRAIN_SECONDS, impatient=asyncio.Event())
        assert waiting == 0
