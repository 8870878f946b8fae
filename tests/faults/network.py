"""Faults of the network between functions and servers, and of missing servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from tests.faults.fault import Fault, Inject, World
from tests.faults.kept_system import KeptSystem
from tests.faults.proxy import Proxy

_COLLECTORS = ("fb-collector", "ttk-collector")
_TIMES = 3


def _over(
    server: str, functions: Sequence[str], begin: Callable[[Proxy], None], seconds: float
) -> Inject:
    """Make the proxies between these functions and a server do something for a random time."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        system = cast("KeptSystem", world.system)
        proxies = [system.proxies[function, server] for function in functions]
        for _ in range(_TIMES):
            await world.a_while(0.5)
            await _act(proxies, world, begin, seconds)
        yield

    return inject


async def _act(
    proxies: Sequence[Proxy], world: World, begin: Callable[[Proxy], None], seconds: float
) -> None:
    lost = sum(proxy.answers_lost for proxy in proxies)
    for proxy in proxies:
        begin(proxy)
    if begin == Proxy.lose_answers:
        await _until_more_lost(proxies, lost)
    await world.a_while(seconds)
    for proxy in proxies:
        proxy.heal()
        if begin == Proxy.lose_answers:
            proxy.cut()  # otherwise the next answer would be taken for the lost one


async def _until_more_lost(proxies: Sequence[Proxy], lost: int) -> None:
    async with asyncio.timeout(60):
        while sum(proxy.answers_lost for proxy in proxies) == lost:
            await asyncio.sleep(0.01)


def _away(server: str, seconds: float) -> Inject:
    """Stop a server, and leave its port closed for so long."""

    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        async with cast("KeptSystem", world.system).away(server):
            await asyncio.sleep(seconds)
        yield

    return inject


_LOSE, _STALL, _CUT = Proxy.lose_answers, Proxy.stall, Proxy.cut
FAULTS = [
    Fault("answers of PostgreSQL lost, then cut",
          _over("postgres", _COLLECTORS, _LOSE, 2), is_short=True),
    Fault("answers of NATS lost to collectors, then cut", _over("nats", _COLLECTORS, _LOSE, 2)),
    Fault("answers of NATS lost to the gateway, then cut", _over("nats", ["gateway"], _LOSE, 3)),
    Fault("PostgreSQL half open to collectors", _over("postgres", _COLLECTORS, _STALL, 8)),
    Fault("NATS half open to collectors", _over("nats", _COLLECTORS, _STALL, 12)),
    Fault("NATS half open to the gateway", _over("nats", ["gateway"], _STALL, 12)),
    Fault("connections to PostgreSQL cut", _over("postgres", _COLLECTORS, _CUT, 0.2)),
    Fault("connections to NATS cut, gateway and collectors",
          _over("nats", ("gateway", *_COLLECTORS), _CUT, 0.2)),
    Fault("PostgreSQL away for a minute", _away("postgres", 60)),
    Fault("NATS away for twenty seconds", _away("nats", 20)),
]  # fmt: skip
