"""Group commit: the items of concurrent callers are sent together; each waits until its is safe."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    size: int
    done: asyncio.Future[None]


class GroupCommit(Generic[Item]):
    """Gathers items into groups, without making the first of them wait for a timer.

    An item is sent at once while fewer than ``in_flight`` groups are in flight; otherwise
    it gathers with others for the next group. So the groups grow with the load. If the
    last group had several items, more are expected: the next one gathers for a
    moment.

    Args:
        send: Makes a group safe, or raises; each of its callers gets the error.
        max_bytes: Maximum size of a group, unless one item alone is larger.
        in_flight: How many groups may be in flight at once.
        gather_seconds: Minimum time from a group of several items to the next;
            callers who come one by one never wait.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[None]],
        *,
        max_bytes: int,
        in_flight: int,
        gather_seconds: float = 0.0,
    ) -> None:
        self._send = send
        self._max_bytes = max_bytes
        self._in_flight = in_flight
        self._gather_seconds = gather_seconds
        self._gather_until = 0.0
        self._waiting: deque[_Waiting[Item]] = deque()
        self._senders: set[asyncio.Task[None]] = set()

    async def add(self, item: Item, size: int) -> None:
        """Send an item with others, and return when it is safe.

        Args:
            item: What to send.
            size: Its bytes, as counted for a group.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, size, done))
        if len(self._senders) < self._in_flight:
            self._senders.add(asyncio.create_task(self._send_groups()))
        try:
            await done
        finally:
            del done  # its error holds this frame: a cycle that keeps the request

    async def _send_groups(self) -> None:
        while group := await self._gather():
            try:
                await self._send([waiting.item for waiting in group])
            except Exception as error:  # noqa: BLE001 - every caller gets it
                _settle(group, error)
            else:
                _settle(group, None)
        # At once, not when the task is seen to be done: items added in between would wait for ever.
        self._senders.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _gather(self) -> list[_Waiting[Item]]:
        wait_seconds = self._gather_until - _now()
        if self._waiting and wait_seconds > 0 and self._has_room():
            await asyncio.sleep(wait_seconds)
        group = self._take()
        if len(group) > 1:
            self._gather_until = _now() + self._gather_seconds
        return group

    def _has_room(self) -> bool:
        return sum(waiting.size for waiting in self._waiting) < self._max_bytes

    def _take(self) -> list[_Waiting[Item]]:
        group: list[_Waiting[Item]] = []
        room = self._max_bytes
        while self._waiting and (not group or self._waiting[0].size <= room):
            group.append(self._waiting.popleft())
            room -= group[-1].size
        return group


def _now() -> float:
    """Return the loop's time: a simulation has its own loop."""
    return asyncio.get_running_loop().time()


def _settle(group: Sequence[_Waiting[Item]], error: Exception | None) -> None:
    for waiting in group:
        if waiting.done.done():  # the caller has gone
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)
