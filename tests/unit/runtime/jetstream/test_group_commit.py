import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from functions.errors import Unavailable
from runtime.jetstream.group_commit import GroupCommit

FOR_EVER_SECONDS = 3600.0


class Gate:
    """Sends groups one by one, as a test releases them."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.failure: Exception | None = None
        self._open = asyncio.Event()

    async def send(self, group: Sequence[str]) -> None:
        self.groups.append(list(group))
        await self._open.wait()
        if self.failure is not None:
            raise self.failure

    def open(self) -> None:
        self._open.set()


@asynccontextmanager
async def adding(commit: GroupCommit[str], *items: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Add items of a byte for each character, one after the other, each for its own caller."""
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(commit.add(item, len(item))))
        await turns()
    yield tasks
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)


async def turns() -> None:
    """Let everything continue that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=1)

    async with adding(commit, "a", "b", "c"):
        assert gate.groups == [["a"]]
        gate.open()

    assert gate.groups == [["a"], ["b", "c"]]


async def test_nobody_returns_before_its_group_is_safe() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=2)

    async with adding(commit, "a", "b", "c") as tasks:
        assert gate.groups == [["a"], ["b"]]
        assert not any(task.done() for task in tasks)
        gate.open()

    assert all(task.done() and task.exception() is None for task in tasks)


async def test_no_more_groups_are_in_flight_than_allowed() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=1, in_flight=3)

    async with adding(commit, *"abcdefgh"):
        assert len(gate.groups) == 3
        gate.open()

    assert sorted(gate.groups) == [[letter] for letter in "abcdefgh"]


async def test_a_group_is_bounded_unless_one_item_is_larger() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=4, in_flight=1)

    async with adding(commit, "first", "aa", "bb", "c", "larger", "d"):
        gate.open()

    assert gate.groups == [["first"], ["aa", "bb"], ["c"], ["larger"], ["d"]]


async def test_each_caller_of_a_failed_group_is_told_and_the_next_group_goes() -> None:
    gate = Gate()
    gate.failure = Unavailable("away")
    commit = GroupCommit(gate.send, max_bytes=2, in_flight=1)

    async with adding(commit, "aa", "b", "c") as tasks:
        gate.open()
    gate.failure = None
    await commit.add("d", 1)

    assert [type(task.exception()) for task in tasks] == [Unavailable] * 3
    assert gate.groups == [["aa"], ["b", "c"], ["d"]]


async def test_after_a_group_of_several_the_next_gathers() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=1, gather_seconds=FOR_EVER_SECONDS)
    gate.open()

    await asyncio.gather(*(commit.add(item, 1) for item in "abc"))
    async with adding(commit, "d", "e") as tasks:
        assert gate.groups == [["a", "b", "c"]]
        for task in tasks:
            task.cancel()


async def test_what_gathers_leaves_when_its_time_has_come() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=1, gather_seconds=0.01)
    gate.open()

    await asyncio.gather(*(commit.add(item, 1) for item in "abc"))
    await asyncio.gather(*(commit.add(item, 1) for item in "def"))

    assert gate.groups == [["a", "b", "c"], ["d", "e", "f"]]


async def test_a_full_group_gathers_no_more() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=4, in_flight=1, gather_seconds=FOR_EVER_SECONDS)
    gate.open()

    await asyncio.gather(*(commit.add(item, 1) for item in "abc"))
    async with asyncio.timeout(5):
        await commit.add("full", 4)

    assert gate.groups == [["a", "b", "c"], ["full"]]


async def test_a_single_caller_never_waits_for_others() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=1, gather_seconds=FOR_EVER_SECONDS)
    gate.open()

    async with asyncio.timeout(5):
        for item in "abc":
            await commit.add(item, 1)

    assert gate.groups == [["a"], ["b"], ["c"]]


async def test_a_caller_that_leaves_disturbs_no_other() -> None:
    gate = Gate()
    commit = GroupCommit(gate.send, max_bytes=100, in_flight=1)

    async with adding(commit, "a", "b", "c") as tasks:
        tasks[0].cancel()
        tasks[1].cancel()
        await turns()
        gate.open()

    assert [task.cancelled() for task in tasks] == [True, True, False]
    assert gate.groups == [["a"], ["b", "c"]]


@pytest.mark.parametrize("in_flight", [1, 2, 3])
async def test_an_item_is_sent_whenever_it_arrives(in_flight: int) -> None:
    """Also in the very turn of the loop in which the last sender ends."""
    sent: list[str] = []

    async def send(group: Sequence[str]) -> None:
        sent.extend(group)

    commit = GroupCommit(send, max_bytes=1, in_flight=in_flight)

    async def add_after(number_of_turns: int) -> None:
        for _ in range(number_of_turns):
            await asyncio.sleep(0)
        await commit.add("x", 1)
        await commit.add("y", 1)

    for turns_between in range(8):
        async with asyncio.timeout(5):
            await asyncio.gather(
                *(add_after(0) for _ in range(in_flight)),
                *(add_after(turns_between) for _ in range(in_flight)),
            )

    assert sorted(sent) == ["x"] * 16 * in_flight + ["y"] * 16 * in_flight


async def test_a_refused_body_is_released_at_once() -> None:
    class Item: ...

    async def refuse(_group: Sequence[Item]) -> None:
        raise Unavailable("full")

    commit = GroupCommit(refuse, max_bytes=1, in_flight=1)
    item = Item()
    gone = weakref.ref(item)
    gc.disable()
    try:
        with suppress(Unavailable):
            await commit.add(item, 1)
        del item
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()
