"""Keep one program running: it is restarted when it ends, after growing delays."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from time import monotonic

from runtime.local.embedded.process import Child, OnLine
from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.tasks import cancel

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
STABLE_SECONDS = 30.0
"""A process that ran this long did not fail to start: reset the delay."""

_DEATHS_BEFORE_HOPELESS = 3


class Backoff:
    """The delay before a restart: doubles, up to a limit."""

    def __init__(self) -> None:
        self._next_seconds = FIRST_DELAY_SECONDS

    def after(self, ran_seconds: float) -> float:
        """Return how many seconds to wait, after a run of so many."""
        if ran_seconds >= STABLE_SECONDS:
            self._next_seconds = FIRST_DELAY_SECONDS
        delay = self._next_seconds
        self._next_seconds = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay


class Keeper:
    """Runs a program until it is stopped.

    Attributes:
        name: Its name on log lines.
        finished: Whether it ended with 0, where that is allowed.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[Child]],
        *,
        say: OnLine,
        changed: Callable[[], None],
        may_finish: bool = False,
    ) -> None:
        """Start it now.

        Args:
            name: Its name on log lines.
            start: Starts it once; may raise ``StartFailed`` or ``OSError``.
            say: Receives a line when it ends.
            changed: Called whenever its process id changed.
            may_finish: Whether it may end with 0.
        """
        self.name = name
        self.finished = False
        self._start = start
        self._say = say
        self._changed = changed
        self._may_finish = may_finish
        self._child: Child | None = None
        self._deaths = 0
        self._stopping = asyncio.Event()
        self._hopeless = asyncio.Event()
        self._anew = asyncio.Event()
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._child.pid if self._child else None

    async def hopeless(self) -> str:
        """Wait until it has failed so often that waiting is pointless; returns a reason."""
        await self._hopeless.wait()
        return f"{self.name} ended {self._deaths} times during its start"

    async def stop(self, impatient: asyncio.Event) -> None:
        """End it for good, waiting patiently until ``impatient`` is set."""
        self._stopping.set()
        if self._child is None:
            self._task.cancel()
        elif not await self._child.stop(impatient):
            why = "to stop quickly" if impatient.is_set() else "it took too long to stop"
            self._say(f"{self.name} was killed: {why}")
        await asyncio.wait([self._task])

    async def restart(self) -> None:
        """End it, if it runs; it is restarted as after a failure."""
        if self._child is not None:
            await self._child.stop()

    async def start_anew(self) -> None:
        """Let it finish the work in hand, and restart it at once, without a delay."""
        self._anew.set()
        if self._child is not None:
            await self._child.stop()

    async def _keep(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            began = monotonic()
            end = await self._run_once()
            if self.finished or self._stopping.is_set():
                return
            if self._anew.is_set():
                self._anew.clear()
                backoff = Backoff()
                continue
            delay = backoff.after(monotonic() - began)
            self._count_death()
            self._say(f"{self.name} {end}; restarting in {delay:g} s")
            await self._pause(delay)
            if self._anew.is_set():
                self._anew.clear()
                backoff = Backoff()

    async def _pause(self, seconds: float) -> None:
        waiting = [asyncio.create_task(it.wait()) for it in (self._stopping, self._anew)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(*waiting)

    async def _run_once(self) -> str:
        try:
            self._child = await self._start()
        except (StartFailed, OSError) as error:
            return f"can't be started: {error}"
        self._changed()
        try:
            # The request came too late to end the start itself.
            if self._stopping.is_set() or self._anew.is_set():
                await self._child.stop()
            code = await self._child.wait()
        finally:
            self._child = None
        self.finished = self._may_finish and code == 0
        self._changed()
        return how_it_ended(code)

    def _count_death(self) -> None:
        self._deaths += 1
        if self._deaths >= _DEATHS_BEFORE_HOPELESS:
            self._hopeless.set()


def how_it_ended(code: int) -> str:
    """Describe a return code: ``exited with 1``, ``was ended by SIGKILL``."""
    if code >= 0:
        return f"exited with {code}"
    return f"was ended by {signal.Signals(-code).name}"
