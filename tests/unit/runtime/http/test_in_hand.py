import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from runtime.http.in_hand import InHand, at_most
from runtime.http.request import Request
from runtime.http.responses import Response
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics

_MOST = 3


class Service:
    """An application whose endpoint answers, or crashes, when released."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.crashes = False
        registry = CollectorRegistry()
        app = create_app(
            {"/events": ("POST", at_most(InHand(_MOST), self._answer))},
            health=Health(),
            registry=registry,
            metrics=HttpMetrics(registry, "gateway"),
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service")

    async def _answer(self, _request: Request) -> Response:
        await self.let_go.wait()
        if self.crashes:
            raise ZeroDivisionError
        return Response(202, b"")

    async def fill(self) -> list[asyncio.Task[httpx.Response]]:
        tasks = [asyncio.create_task(self.client.post("/events")) for _ in range(_MOST)]
        for _ in range(20):
            await asyncio.sleep(0)
        return tasks

    async def empty(self, tasks: list[asyncio.Task[httpx.Response]]) -> list[int]:
        self.let_go.set()
        return [answer.status_code for answer in await asyncio.gather(*tasks)]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with service.client, asyncio.timeout(10):
        yield service


async def test_one_request_too_many_is_refused_at_once_and_those_in_hand_are_not(
    service: Service,
) -> None:
    in_hand = await service.fill()

    answer = await service.client.post("/events")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert await service.empty(in_hand) == [202] * _MOST


async def test_probes_are_answered_however_many_requests_are_in_hand(service: Service) -> None:
    in_hand = await service.fill()

    answer = await service.client.get("/health/ready")

    assert answer.status_code == 200
    await service.empty(in_hand)


@pytest.mark.parametrize("crashes", [False, True])
async def test_who_is_answered_makes_room(crashes: bool, service: Service) -> None:  # noqa: FBT001
    service.crashes = crashes
    for _ in range(3):
        service.let_go.clear()
        in_hand = await service.fill()
        assert await service.empty(in_hand) == [500 if crashes else 202] * _MOST


async def test_who_goes_away_makes_room(service: Service) -> None:
    in_hand = await service.fill()
    for task in in_hand:
        task.cancel()
    await asyncio.gather(*in_hand, return_exceptions=True)
    service.let_go.set()

    assert (await service.client.post("/events")).status_code == 202
