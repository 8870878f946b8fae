"""A line on the terminal with the publisher's progress."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from functions.publisher.account import Account

_PROGRESS_SECONDS: Final = 0.5


@asynccontextmanager
async def progress(account: Account) -> AsyncIterator[None]:
    """Keep one line of a terminal up to date; write nothing if there is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    showing = asyncio.create_task(_show(account))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait((showing,))
        _write(account, end="\n")


async def _show(account: Account) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        _write(account)


def _write(account: Account, *, end: str = "") -> None:
    sys.stderr.write(f"\r\033[K{account.progress(at=time.monotonic())}{end}")
    sys.stderr.flush()
