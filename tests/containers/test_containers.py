"""The whole system in containers: it starts, counts, scales, recovers and keeps its data."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.containers.containers import Containers, need_engine
from tests.e2e.whole_system import Published, by_kind, publish
from tests.truth.recomputation import differences

_MEGABYTE = 1024**2
_SECONDS = 60


@pytest.fixture(scope="module")
async def containers(request: pytest.FixtureRequest) -> AsyncIterator[Containers]:
    need_engine(request.config)
    running = Containers()
    await running.down("--volumes")
    await running.start("fb-collector=3", "ttk-collector=3")
    yield running
    await running.down("--volumes")


async def _assert_exact(containers: Containers, published: Published) -> None:
    await containers.drained()
    events = await containers.ask("REPORTER", "/reports/events")
    revenue = await containers.ask("REPORTER", "/reports/revenue")
    assert await differences(containers.fetch) == {}
    assert by_kind(events["events"]) == published.by_kind
    assert Decimal(revenue["totalRevenue"]) == sum(map(Decimal, published.revenue.values()))


async def _sent(containers: Containers) -> Published:
    options = ["--requests=12", "--min=100", "--max=2000", "--interval=0", "--seed=11"]
    return await publish(
        containers.url_of("GATEWAY"), *options, "--corrupt=0.5", "--duplicates=0.05"
    )


async def test_everything_is_healthy_including_each_replica(containers: Containers) -> None:
    code, told = await containers.health()

    assert code == 0, told
    assert "not healthy" not in told
    assert told.count("\nfb-collector ") == told.count("\nttk-collector ") == 3


async def test_what_is_sent_is_in_the_reports(containers: Containers) -> None:
    published = await _sent(containers)

    assert published.summary["byStatus"] == {"202": 12}
    assert published.summary["invalid"] > 0
    await _assert_exact(containers, published)


@pytest.mark.parametrize("name", ["GATEWAY", "FB_COLLECTOR", "TTK_COLLECTOR", "DEAD_LETTERS"])
async def test_each_function_answers_on_its_port(containers: Containers, name: str) -> None:
    assert (await containers.ask(name, "/health/ready"))["status"] == "ready"


async def test_prometheus_finds_every_replica(containers: Containers) -> None:
    single = ["dead-letters", "gateway", "reporter"]
    expected = sorted([*single, *["fb-collector"] * 3, *["ttk-collector"] * 3])

    async with asyncio.timeout(_SECONDS):
        while await _scraped(containers) != expected:
            await asyncio.sleep(1)


async def _scraped(containers: Containers) -> list[str]:
    answer = await containers.ask("PROMETHEUS", "/api/v1/targets")
    up = [target for target in answer["data"]["activeTargets"] if target["health"] == "up"]
    return sorted(it["labels"]["job"] for it in up if it["labels"]["job"] != "prometheus")


async def test_nothing_runs_as_root_or_can_write(containers: Containers) -> None:
    [gateway] = await containers.names("gateway")

    _, who = await containers.run("docker", "exec", gateway, "id", "-u")
    code, _ = await containers.run("docker", "exec", gateway, "touch", "/opt/eps/here")

    assert who.strip() == "10001"
    assert code != 0


async def test_a_killed_container_is_started_again(containers: Containers) -> None:
    victim = (await containers.names("fb-collector"))[0]

    await containers.kill(victim)

    async with asyncio.timeout(_SECONDS):
        while (await containers.inspect(victim))["RestartCount"] != 1:
            await asyncio.sleep(0.2)
        while (await containers.health())[0] != 0:
            await asyncio.sleep(0.5)


async def test_what_is_not_healthy_is_named(containers: Containers) -> None:
    [database] = await containers.names("postgres")

    await containers.run("docker", "stop", database)
    code, told = await containers.health()
    await containers.run("docker", "start", database)

    assert code == 1
    assert f"postgres         not healthy  {database}" in told
    async with asyncio.timeout(_SECONDS):
        while (await containers.health())[0] != 0:
            await asyncio.sleep(0.5)


async def test_data_outlive_the_containers(containers: Containers) -> None:
    before = await containers.ask("REPORTER", "/reports/events")

    await containers.down()
    await containers.start()

    assert before["totalEvents"] > 0
    assert await containers.ask("REPORTER", "/reports/events") == before
    await _assert_exact(containers, await _sent(containers))
