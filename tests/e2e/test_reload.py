"""`eps up --reload`, in a copy of the source whose files change."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_supervisor import _ENVIRONMENT, until

_ROOT = Path(__file__).parents[2]
_FUNCTIONS = ("gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter")


@pytest.fixture
def copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eps-reload-") as folder:
        for name in ("functions", "runtime", "infra"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(_ROOT / name, Path(folder) / name, ignore=ignored)
        yield Path(folder)


def processes(copy: Path) -> dict[str, dict[str, Any]]:
    file = copy / ".data" / "run.json"
    state = json.loads(file.read_text()) if file.exists() else {"processes": []}
    return {process["name"]: process for process in state["processes"]}


def pids(copy: Path) -> dict[str, int | None]:
    return {name: process["pid"] for name, process in processes(copy).items()}


def all_are_new(copy: Path, before: dict[str, int | None]) -> Callable[[], bool]:
    def condition() -> bool:
        now = pids(copy)
        return all(now.get(name) not in {before[name], None} for name in _FUNCTIONS)

    return condition


async def live(url: str) -> bool:
    async with httpx.AsyncClient(timeout=2) as client:
        try:
            return (await client.get(f"{url}/health/ready")).is_success
        except httpx.HTTPError:
            return False


async def test_functions_start_anew_when_a_file_changes_and_servers_stay(copy: Path) -> None:
    with (copy / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime", "up", "--no-publisher", "--reload"),
            stdout=output,
            stderr=output,
            cwd=copy,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"},
        )
    try:
        await until((copy / ".data" / "control.sock").exists, 60)
        first = pids(copy)
        source = copy / "runtime" / "wiring" / "process.py"
        whole = source.read_text()

        source.write_text(whole + "\nthis is no Python\n")
        await until(lambda: "exited with 1; restarting in" in (copy / "output").read_text(), 60)
        source.write_text(whole)
        await until(all_are_new(copy, first), 60)
        url = processes(copy)["gateway"]["url"]
        async with asyncio.timeout(60):
            while not await live(url):
                await asyncio.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    second = (copy / "output").read_text()
    assert code == 0
    assert "runtime/wiring/process.py changed: restarting the functions" in second
    assert "nats was" not in second
    assert "postgres exited" not in second
