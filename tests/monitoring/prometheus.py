"""A real Prometheus, if the machine has one."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

_READY_SECONDS = 30
_POLL_SECONDS = 0.1
_OWN_FOLDER = Path(sys.executable).parent


def binary(name: str) -> Path | None:
    """Find ``prometheus`` or ``promtool``, unpacked by test.sh or installed."""
    found = shutil.which(name, path=str(_OWN_FOLDER)) or shutil.which(name)
    return Path(found) if found else None


needs_prometheus = pytest.mark.skipif(
    binary("prometheus") is None or binary("promtool") is None,
    reason="no Prometheus here: test.sh unpacks Debian's as root, where apt-get has it",
)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``promtool`` to its end."""
    command = [str(binary("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Prometheus:
    """A server with a configuration, as a separate process.

    Args:
        configuration: Its file.
        folder: Where it keeps its data.
        port: Where it listens, on 127.0.0.1.
    """

    def __init__(self, configuration: Path, folder: Path, port: int) -> None:
        self._configuration = configuration
        self._folder = folder
        self._address = f"127.0.0.1:{port}"
        self._client = httpx.AsyncClient(base_url=f"http://{self._address}", timeout=30)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir()
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(binary("prometheus")),
                f"--config.file={self._configuration}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={self._address}",
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(_READY_SECONDS):
            while not await self._is_ready():
                await asyncio.sleep(_POLL_SECONDS)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._process
        await self._client.aclose()
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()

    async def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return (await self._client.get("/-/ready")).is_success
        return False

    async def instant(self, query: str) -> list[dict[str, Any]]:
        """Evaluate a query now."""
        return list((await self.ask("query", query=query))["result"])

    async def during(
        self, query: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """Evaluate a query over a range, in seconds since 1970."""
        found = await self.ask("query_range", query=query, start=start, end=end, step=step)
        return list(found["result"])

    async def alerts(self) -> Sequence[dict[str, Any]]:
        """List the alerts that fire or are pending."""
        return list((await self.ask("alerts"))["alerts"])

    async def rules(self) -> Sequence[dict[str, Any]]:
        """List all rules with the result of their last evaluation."""
        groups = (await self.ask("rules"))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def ask(self, path: str, **parameters: Any) -> Any:
        """Query its API; a refused query raises an error with Prometheus's message."""
        answer = await self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.is_success, f"{parameters}: {answer.text}"
        return answer.json()["data"]
