"""Power cuts at different times."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from tests.faults.fault import Inject, World
from tests.faults.phases import Phase, held
from tests.faults.power.system import Powered

COLLECTORS: Final = ("fb-collector", "ttk-collector", "dead-letters")


async def _cut(world: World, torn_seed: str = "") -> None:
    await cast("Powered", world.system).cut_power(torn_seed)
    await cast("Powered", world.system).restore_power()


@asynccontextmanager
async def at_random(world: World) -> AsyncIterator[None]:
    await world.a_while(2)
    await _cut(world)
    yield


@asynccontextmanager
async def while_much_waits(world: World) -> AsyncIterator[None]:
    """Freeze the collectors, so that promised events are only on the broker's disk."""
    for name in COLLECTORS:
        world.system.signal(name, signal.SIGSTOP)
    await world.sender.accepted(10)
    await _cut(world)
    yield


@asynccontextmanager
async def torn(world: World) -> AsyncIterator[None]:
    """Leave some of the unsynced writes on the disk, one in a file only up to a sector."""
    await world.a_while(2)
    await _cut(world, torn_seed=f"{world.random.getrandbits(32)}")
    yield


def held_at(function: str, phase: Phase) -> Inject:
    """Cut the power when a function has reached a phase."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        system = cast("Powered", world.system)
        async with held(world, function, phase, drops=True):
            await system.cut_power()
        await system.restore_power()
        yield

    return inject
