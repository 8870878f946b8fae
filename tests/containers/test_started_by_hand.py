"""The parts started by hand, one command after the other: each opens its ports."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.containers.containers import Containers, need_engine
from tests.unit.infra.test_started_by_hand import BY_HAND

_SECONDS = 120

_PORTS_AFTER = {
    "gateway": ["GATEWAY"],
    "fb-collector": ["FB_COLLECTOR", "TTK_COLLECTOR", "DEAD_LETTERS"],
    "reporter": ["REPORTER"],
}


@pytest.fixture
async def containers(request: pytest.FixtureRequest) -> AsyncIterator[Containers]:
    need_engine(request.config)
    running = Containers()
    await running.down("--volumes")
    yield running
    await running.down("--volumes")


async def test_each_command_opens_the_ports_of_what_it_names(containers: Containers) -> None:
    for names in BY_HAND:
        code, told = await containers.compose("up", "-d", *names)
        assert code == 0, told
        for port in _PORTS_AFTER.get(names[0], ()):
            await _answers(containers, port)

    async with asyncio.timeout(_SECONDS):
        while (await containers.health())[0] != 0:
            await asyncio.sleep(0.5)


async def _answers(containers: Containers, port: str) -> None:
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await containers.ask(port, "/health/ready")
            except httpx.HTTPError:
                await asyncio.sleep(0.5)
            else:
                return
