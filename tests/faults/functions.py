"""Functions beside those that `eps up` runs."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from runtime.local.checks import check_http
from runtime.local.ports import free_port
from runtime.local.readiness import NotReady

_READY_SECONDS = 60


@asynccontextmanager
async def running(
    name: str, settings: Mapping[str, str], urls: Mapping[str, str]
) -> AsyncIterator[int]:
    """Run a function until the context is left; gives its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "run", name),
        env={
            **os.environ,
            **settings,
            "PORT": str(port),
            "DATABASE_URL": urls["postgres"],
            "NATS_URL": urls["nats"],
            "LOG_LEVEL": "error",
        },
    )
    try:
        await _until_ready(port)
        yield port
    finally:
        process.terminate()
        assert await process.wait() == 0


async def _until_ready(port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            try:
                return await check_http(f"http://127.0.0.1:{port}/health/ready")
            except NotReady:
                await asyncio.sleep(0.1)
