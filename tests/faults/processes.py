"""Faults of processes: killed, terminated, frozen."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.fault import Fault, Inject, World


def signalled(name: str, number: signal.Signals) -> Inject:
    """Send a signal at a random moment; the supervisor heals it."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        world.system.signal(name, number)
        yield

    return inject


def frozen(name: str) -> Inject:
    """Freeze all processes of a component, and continue them after a random time."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        with world.system.paused(name):
            await world.a_while(10 if world.is_full else 2)
            yield

    return inject


def faults_of(
    *names: str, end: signal.Signals = signal.SIGTERM, short: tuple[str, ...] = ()
) -> list[Fault]:
    """Kill, end and freeze each of these components; ``end`` is the signal that ends it at once."""
    return [
        Fault(title, inject, is_short=title in short)
        for name in names
        for title, inject in (
            (f"SIGKILL of {name}", signalled(name, signal.SIGKILL)),
            (f"{end.name} of {name}", signalled(name, end)),
            (f"SIGSTOP and SIGCONT of {name}", frozen(name)),
        )
    ]
