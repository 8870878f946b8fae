"""Restart a broker that no longer writes: after a full disk NATS refuses until it is restarted."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

_EVERY_SECONDS = 2.0
_ROOM_BYTES = 32 * 1024**2
"""Free space that makes a restart useful: a few of the largest messages."""

_WRITE_ERROR = "write error"
"""NATS's message on ``/healthz`` about a stream that it gave up writing; it is permanent."""


async def watch_broker(
    monitoring_url: str, data_dir: Path, restart: Callable[[], Awaitable[None]]
) -> None:
    """Check every few seconds, for ever, and restart the broker once there is room on its disk.

    Args:
        monitoring_url: The broker's monitoring port.
        data_dir: Where its streams are.
        restart: Ends it, so that its keeper starts it again.
    """
    timeout = aiohttp.ClientTimeout(total=_EVERY_SECONDS)
    async with aiohttp.ClientSession(monitoring_url, timeout=timeout) as session:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            with suppress(aiohttp.ClientError, TimeoutError, OSError):  # it is just starting
                if await _has_given_up(session) and _has_room(data_dir):
                    await restart()


async def _has_given_up(session: aiohttp.ClientSession) -> bool:
    async with session.get("/healthz") as answer:
        return not answer.ok and _WRITE_ERROR in await answer.text()


def _has_room(data_dir: Path) -> bool:
    return shutil.disk_usage(data_dir).free >= _ROOM_BYTES
