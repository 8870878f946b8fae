"""A Lambda process: one event loop and one set of resources for all of its invocations."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import copy_context
from typing import Any, Generic, Protocol, TypeVar

import structlog

from functions.errors import Unavailable
from runtime.telemetry.reasons import Reason

_log = structlog.get_logger()

_MARGIN_SECONDS = 1.0
"""Part of an invocation's time reserved for giving up, answering and logging."""

_GIVE_UP_SECONDS = 0.5
"""How long cancelled work may take to end, out of the margin."""

_FROZEN_SECONDS = 60.0
"""After so long between two invocations connections count as old: network devices
forget idle ones silently, NAT gateways after 350 seconds."""

_TURNS = 5
"""Turns of the loop before connections are used that may have been cut during a freeze:
it reads the peer's last data, reads the end, closes, and notifies the connection, each in
a turn of its own."""

Resources = TypeVar("Resources")
Result = TypeVar("Result")


class Context(Protocol):
    """Lambda's description of an invocation; the part that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take."""


class Process(Generic[Resources]):
    """Runs invocations one after another, as Lambda's runtime calls them.

    Resources are opened by the first invocation, and by the next one if that fails:
    nothing is left half open. They are never closed: Lambda freezes a process and
    ends it without notice.

    Args:
        hold: Opens the resources.
        renew: Makes sure that connections which have been idle for long are
            replaced before they are used.
    """

    def __init__(
        self,
        hold: Callable[[], AbstractAsyncContextManager[Resources]],
        renew: Callable[[Resources], Awaitable[None]],
    ) -> None:
        self._hold = hold
        self._renew = renew
        self._runner: asyncio.Runner | None = None
        self._held: tuple[Resources, AsyncExitStack] | None = None
        self._left: set[asyncio.Task[Any]] = set()
        self._used_at = 0.0

    def invoke(self, work: Callable[[Resources], Awaitable[Result]], context: Context) -> Result:
        """Do an invocation's work.

        Raises:
            Unavailable: Its time is up, or something it needs can't be
                reached; also whatever the work raises.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
        # The current context: the runner would reuse that of its first invocation.
        return self._runner.run(self._in_time(work, seconds), context=copy_context())

    def close(self) -> None:
        """Close the process's resources and its loop; for a process that runs several."""
        if self._runner is not None:
            if self._held is not None:
                self._runner.run(self._held[1].aclose())
            self._runner.close()
        self._runner = self._held = None

    async def _in_time(
        self, work: Callable[[Resources], Awaitable[Result]], seconds: float
    ) -> Result:
        """Do work, or give it up in time to report that, even if it will not end."""
        working = asyncio.create_task(self._do(work))
        await asyncio.wait([working], timeout=max(seconds, 0.0))
        if not working.done():
            working.cancel()
            await asyncio.wait([working], timeout=_GIVE_UP_SECONDS)
            if not working.done() or working.cancelled():
                self._leave(working)
                raise Unavailable(Reason.TIME_IS_UP)
        return working.result()

    async def _do(self, work: Callable[[Resources], Awaitable[Result]]) -> Result:
        resources = await self._resources()
        try:
            return await work(resources)
        except Unavailable:  # whatever could not be reached is looked up again
            self._leave()
            raise
        finally:
            self._used_at = time.time()

    async def _resources(self) -> Resources:
        if self._held is None:
            async with AsyncExitStack() as stack:
                resources = await stack.enter_async_context(self._hold())
                self._held = resources, stack.pop_all()
            return self._held[0]
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if (
            time.time() - self._used_at > _FROZEN_SECONDS
        ):  # the loop's own clock may stop during a freeze
            await self._renew(self._held[0])
        return self._held[0]

    def _leave(self, *working: asyncio.Task[Any]) -> None:
        """Abandon resources that may hang; they and their work end in the background."""
        closing = [asyncio.create_task(self._held[1].aclose())] if self._held else []
        self._held = None
        for task in (*working, *closing):
            self._left.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled() and task.exception():
            _log.warning("abandoned work failed", error=repr(task.exception()))
