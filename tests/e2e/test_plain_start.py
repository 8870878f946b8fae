"""`./start.sh` alone: everything runs, and test events reach the reports."""

import asyncio
from pathlib import Path

from tests.e2e.whole_system import WholeSystem

_SECONDS = 60


class Plain(WholeSystem):
    arguments = ()


async def test_a_plain_start_fills_the_reports(tmp_path: Path) -> None:
    system = Plain(tmp_path / "data")
    await system.start()
    try:
        async with asyncio.timeout(_SECONDS):
            while not (await system.ask("/reports/events"))["totalEvents"]:
                await asyncio.sleep(0.1)
    finally:
        assert await system.stop() == 0
