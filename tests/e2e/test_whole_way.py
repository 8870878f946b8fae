"""From webhook to report: the real system, the real publisher's traffic, and failures."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.builders import a_facebook_event
from tests.e2e.whole_system import Published, WholeSystem, by_kind, publish
from tests.truth.recomputation import differences, ledger_differences

_TRAFFIC = ("--min", "500", "--max", "4000", "--corrupt", "0.5", "--duplicates", "0.05")
_IMPATIENT = {"ACK_WAIT_SECONDS": "6", "DATABASE_TIMEOUT_SECONDS": "4"}


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-whole-") as folder:
        running = WholeSystem(Path(folder) / "data", **_IMPATIENT)
        await running.start()
        yield running
        assert await running.stop() == 0


@pytest.fixture(autouse=True)
async def _empty(system: WholeSystem) -> None:
    await system.empty()


async def _assert_exact(system: WholeSystem, published: Published) -> None:
    """Compare the reports, the rows and the counters with the publisher's account."""
    await system.drained()
    assert await differences(system.fetch) == {}
    assert await ledger_differences(system.fetch) == []
    events = await system.ask("/reports/events")
    assert by_kind(events["events"]) == published.by_kind
    assert events["totalEvents"] == published.summary["acknowledged"]["totalEvents"]
    revenue = await system.ask("/reports/revenue")
    found = {row["source"]: row["totalRevenue"] for row in revenue["revenue"]}
    assert found == published.revenue
    assert Decimal(revenue["totalRevenue"]) == sum(map(Decimal, published.revenue.values()))
    [letters] = await system.fetch("SELECT count(*) FROM dead_letters WHERE reason = 'rejected'")
    assert letters["count"] == published.summary["acknowledged"]["invalid"]


async def test_reports_equal_what_was_published_and_repeating_it_changes_nothing(
    system: WholeSystem,
) -> None:
    options = (*_TRAFFIC, "--requests", "12", "--interval", "0", "--seed", "7")

    first = await publish(system.url_of("gateway"), *options)

    assert first.summary["byStatus"] == {"202": 12}
    assert first.summary["invalid"] > 0
    assert first.summary["duplicates"] > 0
    await _assert_exact(system, first)
    second = await publish(system.url_of("gateway"), *options)
    assert second.summary["distinct"] == first.summary["distinct"]
    await _assert_exact(system, first)


@pytest.mark.parametrize(
    ("function", "path"),
    [
        *(
            (function, path)
            for function in ("gateway", "reporter")
            for path in ("/api", "/health/live", "/health/ready", "/metrics")
        ),
        ("reporter", "/reports/events?source=facebook&from=2024-01-01"),
        ("reporter", "/reports/revenue?source=tiktok"),
        ("reporter", "/reports/demographics"),
    ],
)
async def test_the_requests_of_the_first_description_are_answered(
    system: WholeSystem, function: str, path: str
) -> None:
    async with httpx.AsyncClient(base_url=system.url_of(function)) as client:
        answer = await client.get(path)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "victim", ["gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter"]
)
async def test_a_function_killed_in_the_traffic_comes_back_and_the_sums_are_exact(
    victim: str, system: WholeSystem
) -> None:
    sending = asyncio.create_task(_publish_for_seconds(system, requests=6))
    await _until_something_is_stored(system)

    system.signal(victim, signal.SIGKILL)

    published = await sending
    await _until_ready(system, victim)
    if victim != "gateway":  # its open requests were cut off: maybe stored, but not promised
        assert published.summary["byStatus"] == {"202": 6}
        await _assert_exact(system, published)
    else:
        await _assert_nothing_promised_is_lost(system, published)


@pytest.mark.parametrize("server", ["postgres", "nats"])
async def test_a_server_that_is_down_for_a_while_loses_nothing_promised(
    server: str, system: WholeSystem
) -> None:
    sending = asyncio.create_task(_publish_for_seconds(system, requests=10))
    await _until_something_is_stored(system)

    with system.paused(server):
        await _until_unready(system, "fb-collector")

    published = await sending
    await _until_ready(system, "fb-collector")
    assert set(published.summary["byStatus"]) <= {"202", "503"}
    await _assert_nothing_promised_is_lost(system, published)


async def test_a_killed_database_loses_nothing(system: WholeSystem) -> None:
    sending = asyncio.create_task(_publish_for_seconds(system, requests=6))
    await _until_something_is_stored(system)

    system.signal("postgres", signal.SIGKILL)

    published = await sending
    assert published.summary["byStatus"] == {"202": 6}
    await _assert_exact(system, published)


async def test_a_second_start_has_the_same_numbers_and_goes_on(system: WholeSystem) -> None:
    options = ("--requests", "2", "--min", "100", "--max", "200", "--interval", "0")
    await publish(system.url_of("gateway"), *options)
    await system.drained()
    before = await system.ask("/reports/events")

    assert await system.stop() == 0
    await system.start()

    assert await system.ask("/reports/events") == before
    more = await publish(system.url_of("gateway"), *options)
    await system.drained()
    after = await system.ask("/reports/events")
    added = more.summary["acknowledged"]["totalEvents"]
    assert after["totalEvents"] == before["totalEvents"] + added


async def test_a_correlation_id_and_a_trace_go_from_the_request_to_the_row(
    system: WholeSystem,
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with httpx.AsyncClient(base_url=system.url_of("gateway")) as client:
        answer = await client.post(
            "/events",
            json=[a_facebook_event(eventId="fb-traced"), {"eventId": "fb-broken"}],
            headers={"X-Correlation-Id": "trace-1", "traceparent": trace},
        )
    await system.drained()

    assert answer.headers["X-Correlation-Id"] == "trace-1"
    [row] = await system.fetch("SELECT * FROM stored_events WHERE correlation_id = 'trace-1'")
    [letter] = await system.fetch("SELECT * FROM dead_letters WHERE event_id = 'fb-broken'")
    assert row["correlation_id"] == letter["correlation_id"] == "trace-1"
    assert row["trace_parent"] == letter["trace_parent"] == trace
    assert row["accepted_at"] <= row["published_at"] <= row["stored_at"]
    assert (row["stream_sequence"] > 0, row["deliveries"]) == (True, 1)


async def _publish_for_seconds(system: WholeSystem, *, requests: int) -> Published:
    pace = ("--requests", str(requests), "--interval", "0.5")
    return await publish(system.url_of("gateway"), *_TRAFFIC, *pace)


async def _until_something_is_stored(system: WholeSystem) -> None:
    async with asyncio.timeout(30):
        while not await system.fetch("SELECT 1 FROM events LIMIT 1"):
            await asyncio.sleep(0.05)


async def _readiness(system: WholeSystem, name: str) -> int:
    with suppress(httpx.HTTPError, StopIteration):
        async with httpx.AsyncClient(timeout=5) as client:
            return (await client.get(f"{system.url_of(name)}/health/ready")).status_code
    return 0


async def _until_ready(system: WholeSystem, name: str) -> None:
    async with asyncio.timeout(30):
        while await _readiness(system, name) != httpx.codes.OK:
            await asyncio.sleep(0.1)


async def _until_unready(system: WholeSystem, name: str) -> None:
    async with asyncio.timeout(30):
        while await _readiness(system, name) != httpx.codes.SERVICE_UNAVAILABLE:
            await asyncio.sleep(0.1)


async def _assert_nothing_promised_is_lost(system: WholeSystem, published: Published) -> None:
    """Every acknowledged event is stored; a sent and refused event may be stored, once."""
    await system.drained()
    assert await differences(system.fetch) == {}
    stored = by_kind((await system.ask("/reports/events"))["events"])
    sent = by_kind(published.summary["distinct"]["events"])
    for kind, acknowledged in published.by_kind.items():
        assert acknowledged <= stored.get(kind, 0) <= sent[kind]
