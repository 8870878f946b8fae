"""The gateways' state as the reporter sees it, and their counts for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from functions.reporter.pipeline import GatewayFigures
from runtime.http.request import Request
from runtime.http.responses import Response
from runtime.http.server.app import create_app
from runtime.http.server.serving import served
from runtime.local.embedded.tcp_ports import free_port
from runtime.telemetry import gateway_watch
from runtime.telemetry.gateway_watch import GatewayWatch
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, new_registry
from runtime.telemetry.refusals import Refusals
from tests.contract.broker import eventually


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_refusals_of_two_minutes_are_counted() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for _ in range(3):
        refusals.note()
    clock.now += 60
    refusals.note()

    assert refusals.recent == 4
    clock.now += 61
    assert refusals.recent == 1
    clock.now += 60
    assert refusals.recent == 0


def test_their_memory_is_bounded() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for _ in range(1000):
        refusals.note()
        clock.now += 1

    assert refusals.recent == 120


@pytest.mark.parametrize(
    ("route", "status", "counted"),
    [("/events", 503, 1), ("/events", 500, 1), ("/events", 202, 0), ("/health/ready", 503, 0)],
)
def test_only_what_is_asked_of_a_gateway_counts(route: str, status: int, counted: int) -> None:
    refusals = Refusals()
    HttpMetrics(new_registry(), "gateway", refusals).answered(route, status, 0.1)

    assert refusals.recent == counted


class Gateway:
    """The metrics of a gateway."""

    def __init__(self) -> None:
        self.health = Health(
            facts={"durability": lambda: self.durability, "refusals": lambda: self.refusals}
        )
        self.durability = "disk"
        self.refusals = 0


@asynccontextmanager
async def running(gateway: Gateway, port: int) -> AsyncIterator[str]:
    registry = new_registry()
    app = create_app(
        {}, health=gateway.health, registry=registry, metrics=HttpMetrics(registry, "gateway")
    )
    async with served(app, host="127.0.0.1", port=port, shutdown_timeout_seconds=1):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def watching(watch: GatewayWatch) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(watch.watch(stop))
    yield
    stop.set()
    await task


async def test_the_watch_sees_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_watch, "_ASK_SECONDS", 0.05)
    one, other, clock = Gateway(), Gateway(), Clock()
    async with running(one, free_port()) as url:
        port = free_port()
        watch = GatewayWatch([url, f"http://127.0.0.1:{port}"], clock)
        async with watching(watch):
            await eventually(lambda: watch.figures == GatewayFigures(1, 0, 0))  # one is down
            async with running(other, port):
                await eventually(lambda: watch.figures == GatewayFigures(0, 0, 0))

                one.refusals, other.refusals = 3, 4
                other.durability = "memory up to 2m"
                await eventually(lambda: watch.figures == GatewayFigures(0, 7, 1))

                one.refusals = other.refusals = 0  # another replica, which refused none
                other.durability = "disk"
                clock.now += 119
                await eventually(lambda: watch.figures == GatewayFigures(0, 7, 1))
                clock.now += 2
                await eventually(lambda: watch.figures == GatewayFigures(0, 0, 0))

                one.health.stopping = True
                await eventually(lambda: watch.figures == GatewayFigures(1, 0, 0))


async def test_a_server_that_is_not_a_gateway_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def strange(_request: Request) -> Response:
        return Response(200, b'["not ours"]')

    monkeypatch.setattr(gateway_watch, "_ASK_SECONDS", 0.05)
    registry = new_registry()
    app = create_app(
        {"/x/health/ready": ("GET", strange)},
        health=Health(),
        registry=registry,
        metrics=HttpMetrics(registry, "gateway"),
    )
    port = free_port()
    async with served(app, host="127.0.0.1", port=port, shutdown_timeout_seconds=1):
        watch = GatewayWatch([f"http://127.0.0.1:{port}/x/"])
        async with watching(watch):
            await eventually(lambda: watch.figures == GatewayFigures(1, 0, 0))


def test_nothing_watched_is_nothing_known() -> None:
    assert GatewayWatch([]).figures is None
