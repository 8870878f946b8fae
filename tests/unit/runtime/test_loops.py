"""Doing something now and then until told to stop."""

import asyncio

from runtime.loops import every, pause


async def test_a_round_comes_at_once_and_after_each_pause_until_the_stop() -> None:
    stop, rounds = asyncio.Event(), 0

    async for _ in every(0.001, stop):
        rounds += 1
        if rounds == 3:
            stop.set()

    assert rounds == 3


async def test_without_a_moment_before_the_stop_there_is_no_round() -> None:
    stop = asyncio.Event()
    stop.set()

    assert [None async for _ in every(0, stop)] == []


async def test_a_stop_ends_a_pause() -> None:
    stop = asyncio.Event()
    pausing = asyncio.create_task(pause(3600, stop))
    await asyncio.sleep(0)

    stop.set()

    async with asyncio.timeout(10):
        await pausing
