import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.http.byte_budget import ByteBudget


class Holder:
    """A holder of bytes from its grant until its release."""

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self.holds = False
        self._let_go = asyncio.Event()
        self.task = asyncio.create_task(self._hold(budget, size))

    async def _hold(self, budget: ByteBudget, size: int) -> None:
        async with budget.hold(size):
            self.holds = True
            await self._let_go.wait()
        self.holds = False

    async def let_go(self) -> None:
        self.let_go_soon()
        await turns()

    def let_go_soon(self) -> None:
        self._let_go.set()

    async def cancel(self) -> None:
        self.task.cancel()
        await turns()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def holding(budget: ByteBudget, *sizes: int) -> AsyncIterator[Sequence[Holder]]:
    holders = [Holder(budget, size) for size in sizes]
    await turns()
    yield holders
    for holder in holders:
        holder.task.cancel()
    await asyncio.gather(*(holder.task for holder in holders), return_exceptions=True)


def held(holders: Sequence[Holder]) -> list[bool]:
    return [holder.holds for holder in holders]


async def test_bytes_are_held_until_they_are_let_go() -> None:
    async with holding(ByteBudget(10), 6, 4, 1) as holders:
        assert held(holders) == [True, True, False]
        await holders[0].let_go()
        assert held(holders) == [False, True, True]


async def test_who_came_first_is_served_first_even_if_a_smaller_one_would_fit() -> None:
    async with holding(ByteBudget(10), 6, 8, 1, 1) as holders:
        assert held(holders) == [True, False, False, False]
        await holders[0].let_go()
        assert held(holders) == [False, True, True, True]


async def test_more_than_the_whole_counts_as_the_whole() -> None:
    async with holding(ByteBudget(10), 11, 1) as holders:
        assert held(holders) == [True, False]
        await holders[0].let_go()
        assert held(holders) == [False, True]


async def test_who_stops_waiting_lets_those_behind_through() -> None:
    async with holding(ByteBudget(10), 6, 8, 4) as holders:
        await holders[1].cancel()
        assert held(holders) == [True, False, True]


async def test_who_is_cancelled_while_holding_gives_back() -> None:
    async with holding(ByteBudget(10), 10, 10) as holders:
        await holders[0].cancel()
        assert holders[1].holds


async def test_who_is_cancelled_in_the_moment_it_is_served_gives_back() -> None:
    budget = ByteBudget(10)
    async with holding(budget, 10, 10, 10) as holders:
        holders[0].let_go_soon()
        await asyncio.sleep(0)  # now the second is served, and does not know it yet
        await holders[1].cancel()
        assert held(holders)[1:] == [False, True]


async def test_an_error_gives_back() -> None:
    budget = ByteBudget(1)

    with pytest.raises(ZeroDivisionError):
        async with budget.hold(1):
            raise ZeroDivisionError

    async with asyncio.timeout(5), budget.hold(1):
        pass


async def test_taking_at_once_never_waits_and_never_passes_those_who_do() -> None:
    budget = ByteBudget(10)

    async with holding(budget, 6, 5) as holders:
        assert held(holders) == [True, False]
        assert not budget.take_at_once(1)
    assert budget.take_at_once(10)
    assert not budget.take_at_once(1)
    async with holding(budget, 1) as holders:
        budget.give_back(10)
        await turns()
        assert held(holders) == [True]


@given(st.integers())
def test_whatever_happens_the_total_is_never_exceeded_and_comes_back(seed: int) -> None:
    asyncio.run(_churn(Random(seed)))


async def _churn(dice: Random) -> None:
    budget, in_use, most = ByteBudget(100), 0, 0

    async def use(size: int) -> None:
        nonlocal in_use, most
        async with budget.hold(size):
            in_use += size
            most = max(most, in_use)
            try:
                await asyncio.sleep(0)
            finally:
                in_use -= size

    tasks = [asyncio.create_task(use(dice.randint(0, 100))) for _ in range(20)]
    for task in tasks:
        if dice.random() < 0.4:
            await asyncio.sleep(0)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5), budget.hold(100):
        assert in_use == 0
    assert most <= 100
