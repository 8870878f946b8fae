"""One loop and one set of resources for all invocations of a process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest

from functions.errors import Unavailable
from runtime.aws.process import Process
from runtime.telemetry.logs import correlation_id
from tests.aws.invoking import AContext


@dataclass
class World:
    """The resources of a process.

    Attributes:
        opened: How often it was opened.
        open: How many are open now.
        renewed: How often it was renewed.
        fails: The error of the second half of opening.
    """

    opened: int = 0
    open: int = 0
    renewed: int = 0
    loops: set[int] = field(default_factory=set)
    fails: Exception | None = None

    @asynccontextmanager
    async def hold(self) -> AsyncIterator["World"]:
        self.opened += 1
        self.open += 1
        try:
            if self.fails:
                raise self.fails
            yield self
        finally:
            self.open -= 1

    async def renew(self) -> None:
        self.renewed += 1

    async def work(self, _world: "World") -> int:
        self.loops.add(id(asyncio.get_running_loop()))
        return self.opened


@pytest.fixture
def world() -> World:
    return World()


@contextmanager
def a_process(world: World) -> Iterator[Process[World]]:
    """Hold a process with its resources, for a test that is not a coroutine."""
    process = Process(world.hold, lambda it: it.renew())
    try:
        yield process
    finally:
        process.close()


def test_all_invocations_have_one_loop_and_one_set_of_resources(world: World) -> None:
    with a_process(world) as process:
        assert world.opened == 0
        assert [process.invoke(world.work, AContext()) for _ in range(3)] == [1, 1, 1]

    assert len(world.loops) == 1
    assert world.open == 0


@pytest.mark.parametrize("error", [ZeroDivisionError(), Unavailable("away")])
def test_what_can_not_be_opened_leaves_nothing_half_open(world: World, error: Exception) -> None:
    world.fails = error
    with a_process(world) as process:
        with pytest.raises(type(error)):
            process.invoke(world.work, AContext())
        assert world.open == 0

        world.fails = None
        assert process.invoke(world.work, AContext()) == 2


def test_what_could_not_be_reached_is_opened_anew(world: World) -> None:
    async def work(_world: World) -> None:
        raise Unavailable("gone")

    with a_process(world) as process:
        with pytest.raises(Unavailable):
            process.invoke(work, AContext())

        assert process.invoke(world.work, AContext()) == 2
        assert world.open == 1


def test_a_crash_of_the_work_keeps_the_resources(world: World) -> None:
    async def work(_world: World) -> None:
        raise ZeroDivisionError

    with a_process(world) as process:
        with pytest.raises(ZeroDivisionError):
            process.invoke(work, AContext())

        assert process.invoke(world.work, AContext()) == 1


def test_work_is_given_up_before_its_time_is_up(world: World) -> None:
    cancelled = []

    async def work(_world: World) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with a_process(world) as process:
        with pytest.raises(Unavailable, match="time"):
            process.invoke(work, AContext(milliseconds=1_100))

        assert cancelled == [True]
        assert process.invoke(world.work, AContext()) == 2


def test_abandoned_work_that_does_not_end_blocks_nothing(world: World) -> None:
    ended = asyncio.Event()

    async def work(_world: World) -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        await ended.wait()

    with a_process(world) as process:
        with pytest.raises(Unavailable, match="time"):
            process.invoke(work, AContext(milliseconds=1_100))
        assert process.invoke(world.work, AContext()) == 2
        ended.set()
        process.invoke(world.work, AContext())


def test_work_that_ends_while_it_is_given_up_has_succeeded(world: World) -> None:
    async def work(_world: World) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "committed"
        raise AssertionError

    with a_process(world) as process:
        assert process.invoke(work, AContext(milliseconds=1_100)) == "committed"


def test_opening_has_no_more_time_than_the_invocation(world: World) -> None:
    @asynccontextmanager
    async def hold() -> AsyncIterator[World]:
        await asyncio.Event().wait()
        yield world

    process = Process(hold, lambda it: it.renew())
    try:
        with pytest.raises(Unavailable, match="time"):
            process.invoke(world.work, AContext(milliseconds=1_100))
    finally:
        process.close()


def test_connections_are_renewed_after_a_long_freeze_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_process(world) as process:
        process.invoke(world.work, AContext())
        process.invoke(world.work, AContext())
        assert world.renewed == 0

        later = time.time() + 600
        monkeypatch.setattr(time, "time", lambda: later)
        process.invoke(world.work, AContext())

        assert world.renewed == 1


def test_an_invocation_has_the_correlation_id_of_its_own(world: World) -> None:
    seen = []

    async def work(_world: World) -> None:
        seen.append(correlation_id.get())
        correlation_id.set("its work's own")

    before = correlation_id.get()
    with a_process(world) as process:
        for name in ("first", "second", before):
            correlation_id.set(name)
            process.invoke(work, AContext())

    assert seen == ["first", "second", before]
