import asyncio
import gc
import json
import multiprocessing
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from aiohttp import web

from functions.events.judging import InvalidEvent, judge
from functions.publisher.account import Summary
from runtime.publishing.maker import MakerDied
from runtime.publishing.options import PublishOptions
from runtime.publishing.sender import publish


@dataclass
class Gateway:
    """A server that records requests and answers as told."""

    url: str = ""
    status_of: Callable[[int], int] = lambda _number: 202
    delay_seconds: float = 0.0
    bodies: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    awaited: int = 1
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0
    most_in_flight: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        self.statuses.append(self.status_of(len(self.statuses)))
        status = self.statuses[-1]
        if len(self.statuses) >= self.awaited:
            self.reached.set()
        await asyncio.sleep(self.delay_seconds)
        self.in_flight -= 1
        return web.json_response({}, status=status)

    def ids(self, *, accepted_only: bool = False) -> Counter[str]:
        """Valid event ids, with the number of times each was received."""
        return Counter(
            event["eventId"]
            for body, status in zip(self.bodies, self.statuses, strict=True)
            if status < 300 or not accepted_only
            for event in self._events(body)
            if is_valid(event)
        )

    @staticmethod
    def _events(body: bytes) -> list[Any]:
        events = json.loads(body)
        return events if isinstance(events, list) else [events]


def is_valid(event: Any) -> bool:
    try:
        judge(json.dumps(event).encode())
    except InvalidEvent:
        return False
    return True


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway, app = Gateway(), web.Application(client_max_size=100 * 1024**2)
    app.router.add_post("/events", gateway.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gateway
    await runner.cleanup()


def a_run(url: str, **fields: Any) -> PublishOptions:
    small = {"requests": 20, "min_events": 5, "max_events": 20, "interval_seconds": 0}
    return PublishOptions(**({"url": url} | small | fields))


async def stopped_after(requests: int, gateway: Gateway, options: PublishOptions) -> Summary:
    gateway.awaited, stop = requests, asyncio.Event()
    running = asyncio.create_task(publish(options, stop=stop))
    await gateway.reached.wait()
    stop.set()
    return await running


async def test_the_summary_is_what_the_gateway_got(gateway: Gateway) -> None:
    options = a_run(gateway.url, corrupt_probability=0.5, duplicate_probability=0.2)

    summary = await publish(options)

    ids = gateway.ids()
    assert summary["requests"] == len(gateway.bodies) == 20
    assert summary["byStatus"] == {"202": 20}
    assert summary["valid"] == ids.total()
    assert summary["distinct"]["totalEvents"] == len(ids)
    assert summary["duplicates"] == ids.total() - len(ids) > 0
    assert summary["acknowledged"] == summary["distinct"] | {"invalid": summary["invalid"]}
    assert json.loads(json.dumps(summary)) == summary


async def test_what_a_failing_gateway_refused_is_not_acknowledged(gateway: Gateway) -> None:
    gateway.status_of = lambda number: 503 if number % 3 else 202

    summary = await publish(a_run(gateway.url, requests=30, duplicate_probability=0.3))

    assert summary["byStatus"] == {"202": 10, "503": 20}
    assert summary["distinct"]["totalEvents"] == len(gateway.ids())
    assert summary["acknowledged"]["totalEvents"] == len(gateway.ids(accepted_only=True))


async def test_a_refused_connection_is_an_error_and_not_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        summary = await publish(a_run(url, requests=5))

    assert summary["byStatus"] == {"error": 5}
    assert summary["distinct"]["totalEvents"] > 0
    assert summary["acknowledged"]["totalEvents"] == summary["acknowledged"]["invalid"] == 0
    gc.collect()
    assert caplog.records == []


async def test_only_the_content_type_is_said(gateway: Gateway) -> None:
    await publish(a_run(gateway.url, requests=1))

    (headers,) = gateway.headers
    assert headers["Content-Type"] == "application/json"
    assert int(headers["Content-Length"]) == len(gateway.bodies[0])
    assert not headers.keys() & {"X-Correlation-Id", "Content-Encoding"}


async def test_a_key_is_sent_and_not_shown(gateway: Gateway) -> None:
    options = a_run(gateway.url, requests=1, key="our-key")

    await publish(options)

    assert gateway.headers[0]["Authorization"] == "Bearer our-key"
    assert "our-key" not in repr(options)


async def test_a_body_of_full_size_arrives_whole(gateway: Gateway) -> None:
    summary = await publish(a_run(gateway.url, requests=1, min_events=50_000, max_events=50_000))

    assert summary["eventsSent"] == len(json.loads(gateway.bodies[0])) == 50_000


@pytest.mark.parametrize("single", [True, False])
async def test_a_seeded_run_repeats_byte_for_byte(gateway: Gateway, *, single: bool) -> None:
    options = a_run(gateway.url, seed=4, duplicate_probability=0.2, single=single, requests=300)

    first = await publish(options)
    second = await publish(options)

    assert Counter(gateway.bodies[:300]) == Counter(gateway.bodies[300:])
    assert first["distinct"] == second["distinct"]
    assert first["seed"] == 4


async def test_a_seeded_run_starts_in_2024_and_takes_a_second_a_request(gateway: Gateway) -> None:
    options = a_run(gateway.url, seed=4, concurrency=1, requests=3, corrupt_probability=0)

    await publish(options)

    firsts = [json.loads(body)[0]["timestamp"] for body in gateway.bodies]
    assert firsts == [f"2024-01-01T00:00:0{second}.000Z" for second in range(3)]


async def test_singles_are_sent_one_object_a_request(gateway: Gateway) -> None:
    summary = await publish(a_run(gateway.url, single=True, requests=600, corrupt_probability=0.5))

    assert all(isinstance(json.loads(body), dict) for body in gateway.bodies)
    assert summary["eventsSent"] == summary["requests"] == 600
    assert summary["valid"] == len(gateway.ids())


async def test_requests_on_the_clock_overlap(gateway: Gateway) -> None:
    gateway.delay_seconds = 0.5

    summary = await publish(a_run(gateway.url, requests=10, interval_seconds=0.02))

    assert gateway.most_in_flight >= 5
    assert summary["durationSeconds"] >= 9 * 0.02


@pytest.mark.parametrize("interval_seconds", [0.0, 0.001])
async def test_concurrency_limits_the_requests_in_flight(
    gateway: Gateway, interval_seconds: float
) -> None:
    gateway.delay_seconds = 0.02

    await publish(a_run(gateway.url, concurrency=3, interval_seconds=interval_seconds))

    assert gateway.most_in_flight == 3


async def test_without_a_number_of_requests_it_runs_until_stopped(gateway: Gateway) -> None:
    options = a_run(gateway.url, requests=None)

    summary = await stopped_after(50, gateway, options)

    assert summary["requests"] == len(gateway.bodies) == summary["byStatus"]["202"] >= 50
    assert summary["acknowledged"]["totalEvents"] == len(gateway.ids())


async def test_stopping_awaits_the_answers_of_what_was_sent(gateway: Gateway) -> None:
    gateway.delay_seconds = 0.5
    options = a_run(gateway.url, interval_seconds=60)

    summary = await stopped_after(1, gateway, options)

    assert summary["byStatus"] == {"202": 1}


async def test_stopping_before_anything_is_sent_is_an_empty_account(gateway: Gateway) -> None:
    stop = asyncio.Event()
    stop.set()

    summary = await publish(a_run(gateway.url), stop=stop)

    assert summary["requests"] == summary["eventsSent"] == 0


async def test_no_process_is_left_behind(gateway: Gateway) -> None:
    await publish(a_run(gateway.url))

    assert multiprocessing.active_children() == []


async def test_a_run_whose_maker_is_killed_fails_at_once(gateway: Gateway) -> None:
    running = asyncio.create_task(publish(a_run(gateway.url, requests=None)))
    await gateway.reached.wait()
    (maker,) = multiprocessing.active_children()

    maker.kill()

    with pytest.raises(MakerDied):
        await asyncio.wait_for(running, timeout=10)


async def test_the_maker_dies_with_a_killed_publisher(gateway: Gateway) -> None:
    script = (
        "import asyncio\n"
        "from runtime.publishing.sender import PublishOptions, publish\n"
        f"asyncio.run(publish(PublishOptions(url={gateway.url!r}, min_events=50_000)))"
    )
    publisher = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    await gateway.reached.wait()
    children = psutil.Process(publisher.pid).children(recursive=True)

    publisher.kill()
    await publisher.wait()

    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    assert children
    assert alive == []


@pytest.mark.parametrize("given", ["http://host:1", "http://host:1/", "http://host:1/events"])
def test_a_url_is_of_the_gateway_or_of_its_events(given: str) -> None:
    assert PublishOptions(url=given).events_url == "http://host:1/events"


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "localhost:3001"},
        {"url": "http://"},
        {"requests": -1},
        {"interval_seconds": -1},
        {"concurrency": 0},
        {"min_events": 10, "max_events": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        PublishOptions(**({"url": "http://host"} | fields))
