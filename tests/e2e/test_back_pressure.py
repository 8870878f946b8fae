"""More events than can be stored: honest 503s, nothing lost, and automatic recovery."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.builders import a_facebook_event, a_tiktok_event
from tests.e2e.whole_system import WholeSystem
from tests.truth.payloads import stored_ids

_TIGHT = {
    "EVENTS_STREAM_MAX_BYTES": "4mb",
    "BODY_BYTES_IN_FLIGHT": "1mb",
    "PUBLISH_TIMEOUT_SECONDS": "1",
}
_ANSWER_SECONDS = 5
"""Much more than an answer should take: a sender that waits longer fails the test."""

_PATIENCE_SECONDS = 30
_LARGE_BYTES = 900 * 1024
_POLL_SECONDS = 0.05


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-pressure-") as folder:
        running = WholeSystem(Path(folder) / "data", **_TIGHT)
        await running.start()
        yield running
        assert await running.stop() == 0


@pytest.fixture(autouse=True)
async def _empty(system: WholeSystem) -> None:
    await system.empty()


class Sender:
    """Posts events, and records the promises for each.

    Attributes:
        sent: Every id that was sent.
        acknowledged: The ids of the requests that were answered 202.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()

    async def post(self, events: int = 1_000) -> httpx.Response:
        """Send an array of new events, half of each source; a single event is not in an array."""
        makers = (a_facebook_event, a_tiktok_event)
        body = [makers[number % 2]() for number in range(events)]
        ids = {event["eventId"] for event in body}
        self.sent |= ids
        answer = await self._client.post("/events", json=body if events > 1 else body[0])
        if answer.status_code == httpx.codes.ACCEPTED:
            self.acknowledged |= ids
        return answer

    async def until(self, status: int, events: int = 1_000) -> httpx.Response:
        """Send until an answer has that status; the other answers are 202 or 503."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (answer := await self.post(events)).status_code != status:
                assert answer.status_code in (202, 503)
                await asyncio.sleep(_POLL_SECONDS * (answer.status_code == 503))
        return answer


@pytest.fixture
async def sender(system: WholeSystem) -> AsyncIterator[Sender]:
    url = system.url_of("gateway")
    async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS) as client:
        yield Sender(client)


@asynccontextmanager
async def _collectors_frozen(system: WholeSystem) -> AsyncIterator[None]:
    with system.paused("fb-collector"), system.paused("ttk-collector"):
        yield


@asynccontextmanager
async def _database_frozen(system: WholeSystem) -> AsyncIterator[None]:
    with system.paused("postgres"):
        yield


@asynccontextmanager
async def _table_locked(system: WholeSystem) -> AsyncIterator[None]:
    connection = await asyncpg.connect(system.url_of("postgres"))
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


Brake = Callable[[WholeSystem], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("brake", [_collectors_frozen, _database_frozen, _table_locked])
async def test_a_full_stream_is_a_503_until_there_is_room_and_nothing_promised_is_lost(
    brake: Brake, system: WholeSystem, sender: Sender
) -> None:
    async with brake(system):
        first = await sender.until(503)
        others = await asyncio.gather(*(sender.post() for _ in range(30)))
        gateway = await _readiness(system, "gateway")

    await sender.until(202)
    await _until_ready(system, "fb-collector", "ttk-collector")
    assert all(_is_honest(answer) for answer in (first, *others))
    assert gateway == 200  # it can answer, and does
    await _assert_kept_once(system, sender)


async def test_a_frozen_broker_is_a_503_for_everybody_and_serves_again_by_itself(
    system: WholeSystem, sender: Sender
) -> None:
    with system.paused("nats"):
        # much more than two groups of each source: no request waits for all the requests before it
        answers = await asyncio.gather(*(sender.post(500) for _ in range(60)))
        later = await sender.post(1)
        gateway = await _readiness(system, "gateway")

    await sender.until(202)
    await _until_ready(system, "gateway", "fb-collector", "ttk-collector")
    assert all(_is_honest(answer) for answer in (*answers, later))
    assert gateway == 503
    await _assert_kept_once(system, sender)


async def test_small_requests_are_answered_while_large_ones_wait_for_their_turn(
    system: WholeSystem, sender: Sender
) -> None:
    async with AsyncExitStack() as slow:
        await slow.enter_async_context(_half_sent(system))
        before = [await sender.post(1) for _ in range(5)]
        large = asyncio.create_task(sender.post(2_000))  # no room next to the other
        small = [await sender.post(1) for _ in range(20)]
        waited = not large.done()

    answer = await large
    assert waited
    assert {each.status_code for each in (*before, *small)} == {202}
    assert answer.status_code == 202
    await _assert_kept_once(system, sender)


async def test_many_large_requests_at_once_are_all_answered(
    system: WholeSystem, sender: Sender
) -> None:
    large = [asyncio.create_task(sender.post(2_000)) for _ in range(16)]
    small = [await sender.post(1) for _ in range(20)]

    answers = await asyncio.gather(*large)

    assert all(each.status_code == 202 or _is_honest(each) for each in (*answers, *small))
    await _assert_kept_once(system, sender)


@asynccontextmanager
async def _half_sent(system: WholeSystem) -> AsyncIterator[None]:
    """Hold a large request of which at most a tenth is sent."""
    gateway = urlsplit(system.url_of("gateway"))
    _, writer = await asyncio.open_connection(gateway.hostname, gateway.port)
    writer.write(
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n[" % _LARGE_BYTES
    )
    writer.write(b" " * (_LARGE_BYTES // 10))
    await writer.drain()
    try:
        yield
    finally:
        writer.close()
        await writer.wait_closed()


def _is_honest(answer: httpx.Response) -> bool:
    retry_after = int(answer.headers.get("Retry-After", "0"))
    return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and 1 <= retry_after <= 60


async def _assert_kept_once(system: WholeSystem, sender: Sender) -> None:
    """Every acknowledged event is stored once; a refused event may be stored, once."""
    await system.drained()
    rows = await stored_ids(system.fetch)
    report: dict[str, Any] = await system.ask("/reports/events")
    assert sender.acknowledged <= set(rows) <= sender.sent
    assert report["totalEvents"] == len(rows) == len(set(rows))


async def _readiness(system: WholeSystem, name: str) -> int:
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
        return (await client.get(f"{system.url_of(name)}/health/ready")).status_code


async def _until_ready(system: WholeSystem, *names: str) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for name in names:
            while await _readiness(system, name) != httpx.codes.OK:
                await asyncio.sleep(_POLL_SECONDS)
