"""The whole system as a user runs it, with `eps up` in a separate process, and its publisher."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import httpx
import psutil  # type: ignore[import-untyped]

from runtime.local.supervisor.drain import wait_until_drained

_FREE_PORTS = {
    f"{name}_PORT": "0"
    for name in (
        "GATEWAY",
        "FB_COLLECTOR",
        "TTK_COLLECTOR",
        "REPORTER",
        "DEAD_LETTERS",
        "NATS",
        "POSTGRES",
    )
}
_START_SECONDS = 180
_STOP_SECONDS = 120
_READY_SECONDS = 120
_DRAIN_SECONDS = 120
_POLL_SECONDS = 0.1


class WholeSystem:
    """`eps up` on a data folder, on free ports, with replicas."""

    arguments: ClassVar[Sequence[str]] = ("--no-publisher",)

    def __init__(self, data_dir: Path, *, scale: Sequence[str] = (), **settings: str) -> None:
        self._data_dir = data_dir
        self._scale = [argument for each in scale for argument in ("--scale", each)]
        self._environment = {**os.environ, **_FREE_PORTS, **settings}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start everything; return when all functions are ready."""
        with (self._data_dir.parent / "output").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runtime", "up", *self.arguments),
                *("--data", str(self._data_dir), *self._scale),
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        async with asyncio.timeout(_START_SECONDS):
            while not self._state_file.exists():
                await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> int:
        """Stop everything as Ctrl-C does; return the exit code."""
        assert self._process
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_STOP_SECONDS):
            return await self._process.wait()

    @property
    def _state_file(self) -> Path:
        return self._data_dir / "run.json"

    def names(self, function: str) -> list[str]:
        """Name the replicas of a function."""
        names = [each["name"] for each in json.loads(self._state_file.read_text())["processes"]]
        return [name for name in names if name.rstrip("-0123456789") == function]

    def _process_of(self, name: str) -> dict[str, Any]:
        processes = json.loads(self._state_file.read_text())["processes"]
        return next(process for process in processes if process["name"] == name)

    def url_of(self, name: str) -> str:
        """Return the address of a component."""
        return str(self._process_of(name)["url"])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a component that runs now."""
        os.kill(self._running_pid(name), number)

    def pid_of(self, name: str) -> int | None:
        """Return a component's process id; None while it waits to be restarted."""
        pid: int | None = self._process_of(name)["pid"]
        return pid

    def _running_pid(self, name: str) -> int:
        pid = self.pid_of(name)
        assert pid, f"{name} waits for its restart"
        return pid

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Freeze a component with all its processes: its connections stay open and silent."""
        parent = psutil.Process(self._running_pid(name))
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    async def all_ready(self, *functions: str) -> None:
        """Wait until every replica of these functions is ready."""
        names = [name for function in functions for name in self.names(function)]
        late = asyncio.get_running_loop().time() + _READY_SECONDS
        async with httpx.AsyncClient(timeout=5) as client:
            while names:
                if await _is_ready(client, self.url_of(names[0])):
                    del names[0]
                    continue
                assert asyncio.get_running_loop().time() < late, f"not ready again: {names}"
                await asyncio.sleep(_POLL_SECONDS)

    async def ask(self, path: str) -> Any:
        """Send a request to the reporter."""
        async with httpx.AsyncClient(base_url=self.url_of("reporter"), timeout=60) as client:
            answer = await client.get(path)
            answer.raise_for_status()
            return answer.json()

    async def empty(self) -> None:
        """Wait until everything is settled, and delete it."""
        await self.drained()
        await self.forget()

    async def forget(self) -> None:
        """Empty the tables, except settled envelopes, which gateways still announce."""
        tables = await self.fetch(
            "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('schema_migrations', 'envelopes', 'ledger_clock')"
        )
        await self.fetch(f"TRUNCATE {tables[0][0]}")

    async def fetch(self, query: str) -> list[asyncpg.Record]:
        """Query the database directly."""
        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def execute(self, script: str) -> None:
        """Change the database directly."""
        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            await connection.execute(script)
        finally:
            await connection.close()

    async def drained(self) -> None:
        """Wait until no message waits on the broker: all are committed."""
        never = asyncio.Event()
        waiting = await wait_until_drained(
            self.url_of("nats"), seconds=_DRAIN_SECONDS, impatient=never
        )
        assert waiting == 0


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    with suppress(httpx.HTTPError):
        return (await client.get(f"{url}/health/ready")).status_code == httpx.codes.OK
    return False


@dataclass(frozen=True, slots=True)
class Published:
    """The summary of `eps publish` at its end."""

    summary: Mapping[str, Any]

    @property
    def by_kind(self) -> dict[tuple[str, str, str], int]:
        """Count the distinct valid events that were acknowledged, by kind."""
        return by_kind(self.summary["acknowledged"]["events"])

    @property
    def revenue(self) -> dict[str, str]:
        """Sum their revenue by source."""
        return dict(self.summary["acknowledged"]["revenue"])


def by_kind(events: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Index a report's counts."""
    return {
        (event["source"], event["funnelStage"], event["eventType"]): event["count"]
        for event in events
    }


async def publish(url: str, *options: str) -> Published:
    """Run `eps publish` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "publish", "--url", url, *options),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return Published(json.loads(output))
