"""Connections that stall half open, are cut, or lose the answer after a commit or a publish."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults.fault import Table, World
from tests.faults.functions import running
from tests.faults.ledger import balance
from tests.faults.proxy import Proxy

_IMPATIENT = {"ACK_WAIT_SECONDS": "6", "DATABASE_TIMEOUT_SECONDS": "4"}
_COLLECTORS = ("fb-collector", "ttk-collector")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a proxy does before a server, and to whom.

    Attributes:
        name: As the table has it.
        server: Before which the proxy stands: ``postgres`` or ``nats``.
        functions: Who has no other way to it.
        begin: What it does; several in turn.
        seconds: For how long at the most.
        is_short: Whether the short selection has it, too.
    """

    name: str
    server: str
    functions: tuple[str, ...]
    begin: tuple[Callable[[Proxy], None], ...]
    seconds: float
    is_short: bool = False


_LOSE = (Proxy.lose_answers,)
_STALL = (Proxy.stall,)
_CUT = (Proxy.cut,)
FAULTS = [
    Fault("answers of PostgreSQL lost, then cut", "postgres", _COLLECTORS, _LOSE, 2, is_short=True),
    Fault("answers of NATS lost to collectors, then cut", "nats", _COLLECTORS, _LOSE, 2),
    Fault("answers of NATS lost to the gateway, then cut", "nats", ("gateway",), _LOSE, 3),
    Fault("PostgreSQL half open to collectors", "postgres", _COLLECTORS, _STALL, 8),
    Fault("NATS half open to collectors", "nats", _COLLECTORS, _STALL, 15),
    Fault("NATS half open to the gateway", "nats", ("gateway",), _STALL, 15),
    Fault("connections to PostgreSQL cut", "postgres", _COLLECTORS, _CUT, 0.2),
    Fault("connections to NATS cut, gateway and collectors", "nats",
          ("gateway", *_COLLECTORS), _CUT, 0.2),
]  # fmt: skip


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-network-") as folder:
        running = WholeSystem(Path(folder) / "data", **_IMPATIENT)
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_nothing_promised_is_lost_or_doubled_over_a_bad_network(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    async with AsyncExitStack() as standing:
        proxy = await standing.enter_async_context(_proxied(world, fault))
        async with world.sender.sending():
            await world.sender.accepted(3)
            for _ in range(3):
                await world.a_while(0.5)
                await _act(proxy, world, fault)
            await world.sender.accepted(5)
        found = await balance(world.system, world.sender)

    table.add(fault.name, found)
    assert turn  # repeated at other moments
    assert proxy.answers_lost or fault.begin != _LOSE
    assert not found.lost
    assert not found.doubled
    assert not found.differences


async def _act(proxy: Proxy, world: World, fault: Fault) -> None:
    for begin in fault.begin:
        begin(proxy)
    await world.a_while(fault.seconds)
    proxy.heal()
    if fault.begin == _LOSE:
        proxy.cut()  # else what comes next would be taken for the lost answer


@asynccontextmanager
async def _proxied(world: World, fault: Fault) -> AsyncIterator[Proxy]:
    """Start functions that know the proxy only, and freeze those that know the server."""
    async with AsyncExitStack() as standing:
        server = urlsplit(world.system.url_of(fault.server))
        assert server.port
        proxy = await standing.enter_async_context(Proxy.before(server.port))
        urls = {name: world.system.url_of(name) for name in ("postgres", "nats")}
        urls[fault.server] = urls[fault.server].replace(f":{server.port}", f":{proxy.port}")
        for name in fault.functions:
            port = await standing.enter_async_context(running(name, _IMPATIENT, urls))
            if name == "gateway":
                world.sender.urls = [f"http://127.0.0.1:{port}"]
            else:
                standing.enter_context(world.system.paused(name))
        yield proxy
