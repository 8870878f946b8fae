"""Scale the replicas of a function while the system runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from runtime.local.embedded.readiness import StartFailed
from runtime.local.supervisor.plan import BadUsage, Replica, more_of, parse_scale


class Replicas:
    """The running replicas, and how to change their number.

    Attributes:
        running: First of each function in the order of the plan, then the others.
    """

    def __init__(
        self,
        planned: Sequence[Replica],
        *,
        start: Callable[[Replica], Awaitable[None]],
        stop: Callable[[Replica], Awaitable[None]],
        changed: Callable[[Sequence[Replica]], None],
    ) -> None:
        """Take over the planned replicas, which already run.

        Args:
            planned: What runs.
            start: Starts one and returns when it is ready, or leaves nothing and
                raises ``StartFailed``.
            stop: Ends one for good, after it has finished the work in hand.
            changed: Called with the running replicas, whenever they have changed.
        """
        self.running = list(planned)
        self._start_one = start
        self._stop_one = stop
        self._changed = changed
        self._one_at_a_time = asyncio.Lock()

    async def scale(self, scale: Sequence[str], say: Callable[[str], None]) -> None:
        """Scale functions to so many replicas: the first always stays, and keeps its port.

        Args:
            scale: ``fb-collector=3`` and the like.
            say: Receives a line for each step.

        Raises:
            StartFailed: It was wrong, or one could not be started; the earlier replicas stay.
        """
        firsts = {it.function.name: it for it in reversed(self.running)}
        try:
            counts = parse_scale(scale, [*reversed(firsts)])
        except BadUsage as error:
            raise StartFailed(str(error)) from error
        async with self._one_at_a_time:
            for name, count in counts.items():
                await self._bring(firsts[name], count, say)

    async def _bring(self, first: Replica, count: int, say: Callable[[str], None]) -> None:
        planned = [first, *more_of(first, count)]
        running = {it.name for it in self.running if it.function is first.function}
        names = {it.name for it in planned}
        fresh = [it for it in planned if it.name not in running]
        surplus = [it for it in self.running if it.name in running - names]
        faults = await asyncio.gather(
            *(self._add(it, say) for it in fresh),
            *(self._remove(it, say) for it in surplus),
            return_exceptions=True,
        )
        self._changed(self.running)
        for fault in filter(None, faults):
            raise fault
        say(f"{first.function.name}: {len(names)} running, {len(running)} before")

    async def _add(self, replica: Replica, say: Callable[[str], None]) -> None:
        await self._start_one(replica)
        self.running.append(replica)
        say(f"{replica.name} started: {replica.url}/metrics")

    async def _remove(self, replica: Replica, say: Callable[[str], None]) -> None:
        self.running.remove(replica)
        await self._stop_one(replica)
        say(f"{replica.name} stopped")
