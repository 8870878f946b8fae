"""The backup and restore procedures of docs/operations.md, run as written."""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runtime.local.embedded.postgres_server import DATABASE, binary
from tests.contract.broker import eventually
from tests.e2e.whole_system import WholeSystem, publish

ROOT = Path(__file__).parents[2]
REPORTS = ("/reports/events?interval=hour", "/reports/revenue", "/reports/demographics")


@pytest.fixture
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-operations-") as folder:
        whole = WholeSystem(Path(folder) / "data")
        await whole.start()
        try:
            yield whole
        finally:
            await whole.stop()


def documented(name: str) -> str:
    """Read the commands that the document marks as ``name``."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [block] = re.findall(rf"<!-- run: {name} -->\n```bash\n(.*?)```", text, re.DOTALL)
    return str(block)


async def run(name: str, system: WholeSystem, backups: Path) -> None:
    url = system.url_of("postgres")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", documented(name)),
        cwd=ROOT,
        env={
            "PATH": f"{binary('psql').parent}:{os.environ['PATH']}",
            "DATABASE_URL": url,
            "ADMIN_URL": url.replace(f"/{DATABASE}", "/postgres"),
            "BACKUPS": str(backups),
        },
    )
    assert await process.wait() == 0


async def sent(system: WholeSystem, seed: str) -> int:
    """Send five requests; return how many valid events they had."""
    options = ("--requests", "5", "--min", "20", "--max", "50", "--interval", "0", "--corrupt", "0")
    published = await publish(system.url_of("gateway"), *options, "--seed", seed)
    return int(published.summary["acknowledged"]["totalEvents"])


async def reports(system: WholeSystem) -> list[Any]:
    return [await system.ask(path) for path in REPORTS]


async def imbalance(system: WholeSystem) -> int:
    return int((await system.ask("/reports/ledger"))["total"]["imbalance"])


async def test_a_restored_dump_takes_what_waits_and_tells_what_is_lost(
    system: WholeSystem, tmp_path: Path
) -> None:
    await sent(system, "1")
    await system.drained()
    await run("dump", system, tmp_path)
    before = await reports(system)
    lost = await sent(system, "2")  # committed, gone from the broker, and not in the dump
    await system.drained()
    after = await reports(system)

    with system.paused("fb-collector"), system.paused("ttk-collector"):
        await sent(system, "1")  # waits; the ones that it announces are not in the dump either
        await run("restore", system, tmp_path)
        await run("swap", system, tmp_path)
        await system.all_ready("reporter")
        assert await reports(system) == before
    await system.drained()

    async def is_told() -> bool:
        return await imbalance(system) == lost

    await eventually(is_told)
    await sent(system, "2")
    await system.drained()

    assert await reports(system) == after
