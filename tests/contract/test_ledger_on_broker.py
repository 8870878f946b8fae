"""The ledger from the gateway's bus to the collector's store, on real servers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from functions.errors import Unavailable
from functions.fb_collector.handler import handle as collect
from functions.messages import Backlog
from functions.parameters import Period
from functions.reporter.figures import LedgerSum
from functions.reporter.ledger_report import LedgerQuestion
from runtime.bus.work import dead_letter_work, event_work
from runtime.catalogue import FUNCTIONS
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker
from runtime.jetstream.streams import (
    DEAD_LETTERS,
    EVENTS,
    SUMMARY_COLLECTOR,
    Durable,
    ensure_consumer,
    subject_of,
)
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import CollectorSettings, DatabaseSettings, GatewaySettings
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics
from runtime.wiring.collectors import collector
from runtime.wiring.gateway import gateway
from runtime.wiring.running import RunningFunction
from tests.builders import a_facebook_event, a_letter, a_part, raw
from tests.contract.broker import ACK_WAIT_SECONDS, a_broker, consuming, eventually, waiting
from tests.durables import DEAD_LETTER_COLLECTOR, FB_COLLECTOR
from tests.truth.recomputation import ledger_differences


@dataclass(frozen=True)
class Way:
    """A gateway's bus and a collector, with only the broker between them."""

    broker: Broker
    pool: asyncpg.Pool
    bus: JetStreamBus

    async def publish(self, *counts: int) -> None:
        """Publish one envelope after the other, each of so many events."""
        for count in counts:
            events = [raw(a_facebook_event()) for _ in range(count)]
            await self.bus.publish("facebook", a_part(*events, accepted_at=datetime.now(UTC)))

    async def collect(self, store: Any = None) -> None:
        """Collect until nothing waits."""
        registry = CollectorRegistry()
        metrics, events = ConsumerMetrics(registry, "x"), EventMetrics(registry, "x")
        store = store or PostgresEventStore(self.pool)
        work = event_work("facebook", partial(collect, store=store), store, metrics, events)
        async with consuming(self.broker, FB_COLLECTOR, work, first_delay_seconds=0.05):
            await eventually(self.is_drained)

    async def collect_letters(self) -> None:
        """Collect dead letters until nothing waits."""
        metrics = ConsumerMetrics(CollectorRegistry(), "x")
        work = dead_letter_work(PostgresEventStore(self.pool), metrics)
        async with consuming(self.broker, DEAD_LETTER_COLLECTOR, work):
            await eventually(self.are_letters_drained)

    async def is_drained(self) -> bool:
        return await waiting(self.broker, FB_COLLECTOR) == 0

    async def are_letters_drained(self) -> bool:
        return await waiting(self.broker, DEAD_LETTER_COLLECTOR) == 0

    async def are_summaries_drained(self) -> bool:
        return await waiting(self.broker, SUMMARY_COLLECTOR) == 0

    async def imbalance(self, durable: Durable = FB_COLLECTOR) -> int:
        """Let a collector measure the broker once."""
        stop, found = asyncio.Event(), list[int]()
        ledger = PostgresLedger(self.pool, "facebook" if durable == FB_COLLECTOR else None)

        async def note(backlog: Backlog) -> None:
            found.append(await ledger.note(backlog))
            stop.set()

        metrics = ConsumerMetrics(CollectorRegistry(), "x")
        await watch_backlog(self.broker, durable, metrics, note, stop)
        return found[0]

    async def holds(self, stream: str, last: int) -> bool:
        """Return whether a stream has had so many messages, including deleted ones."""
        return (await self.broker.jetstream.stream_info(stream)).state.last_seq == last

    async def total(self) -> LedgerSum:
        """Sum the whole ledger."""
        figures = await PostgresReports(self.pool).sum_ledger(
            LedgerQuestion(Period(None, None), interval="month"), max_buckets=2
        )
        (bucket,) = figures.buckets
        return bucket


@pytest.fixture
async def way(nats_url: str, database_url: str) -> AsyncIterator[Way]:
    async with (
        a_broker(nats_url) as broker,
        opened(DatabaseSettings(database_url=database_url), "test") as pool,
    ):
        for durable in (FB_COLLECTOR, DEAD_LETTER_COLLECTOR):
            await ensure_consumer(broker.jetstream, durable, ACK_WAIT_SECONDS)
        yield Way(broker, pool, JetStreamBus(broker, 5))


async def test_what_all_arrived_balances(way: Way) -> None:
    await way.publish(3, 1, 2)
    await way.collect()

    assert await way.imbalance() == 0
    assert (await way.total())[1:6] == (6, 6, 0, 0, 0)
    assert await ledger_differences(way.pool.fetch) == []


async def test_what_waits_is_measured_by_the_broker_s_clock(way: Way) -> None:
    await way.publish(3)
    _, before = await way.broker.ask_stream(EVENTS)
    await way.imbalance()
    _, after = await way.broker.ask_stream(EVENTS)

    found = await way.pool.fetchrow("SELECT measured_at, oldest_at FROM backlogs")

    assert found is not None
    assert found["oldest_at"] <= before <= found["measured_at"] <= after


async def test_an_envelope_that_vanishes_from_the_broker_is_missed(way: Way) -> None:
    await way.publish(3, 4, 2)
    await way.broker.jetstream.delete_msg(EVENTS, 2)
    await way.collect()

    assert await way.imbalance() == 4
    assert (await way.total())[1:6] == (9, 5, 0, 0, 0)


async def test_the_last_envelope_is_missed_once_it_was_announced(way: Way) -> None:
    await way.publish(3, 4)
    await way.broker.jetstream.delete_msg(EVENTS, 2)
    await way.collect()
    before = await way.imbalance()

    await way.bus.announce()
    await way.collect()

    assert (before, await way.imbalance()) == (0, 4)
    assert (await way.total())[1:6] == (7, 3, 0, 0, 0)


async def test_an_idle_lane_is_announced_once(way: Way) -> None:
    stop = asyncio.Event()
    telling = asyncio.create_task(way.bus.announce_when_idle(stop))
    await way.publish(3, 4)
    await way.bus.publish_dead_letters([a_letter(accepted_at=datetime.now(UTC))])
    try:
        await eventually(partial(way.holds, EVENTS, 3))
        await eventually(partial(way.holds, DEAD_LETTERS, 2))
        await way.broker.jetstream.delete_msg(EVENTS, 2)
        await way.broker.jetstream.delete_msg(DEAD_LETTERS, 1)
        await way.collect()
        await way.collect_letters()
        missed = await way.imbalance(), await way.imbalance(DEAD_LETTER_COLLECTOR)
    finally:
        stop.set()
        await telling

    assert missed == (4, 1)
    assert await way.holds(EVENTS, 3)
    assert await way.holds(DEAD_LETTERS, 2)


async def post(unit: RunningFunction) -> None:
    answered = await post_events(unit, [a_facebook_event(), {"eventId": "broken"}])
    assert answered == HTTPStatus.ACCEPTED


async def post_events(unit: RunningFunction, events: Any) -> int:
    async with calling(unit) as client:
        return (await client.post("/events", json=events)).status_code


async def readiness_of(unit: RunningFunction) -> tuple[int, str]:
    async with calling(unit) as client:
        answer = await client.get("/health/ready")
    return answer.status_code, answer.json()["deadLetters"]


def calling(unit: RunningFunction) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(unit.app)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_a_stopping_gateway_announces_its_last_envelopes(way: Way, nats_url: str) -> None:
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        await post(unit)
        before = [await way.holds(stream, 1) for stream in (EVENTS, DEAD_LETTERS)]

    assert before == [True, True]
    assert [await way.holds(stream, 2) for stream in (EVENTS, DEAD_LETTERS)] == [True, True]
    await way.collect()
    await way.collect_letters()
    assert (await way.total())[1:] == (1, 1, 0, 0, 0, 1, 1, 0, 0)


async def test_an_idle_gateway_announces_its_last_envelopes(way: Way, nats_url: str) -> None:
    stop = asyncio.Event()
    async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit:
        loops = [asyncio.create_task(loop(stop)) for loop in unit.loops]
        await post(unit)

        for stream in (EVENTS, DEAD_LETTERS):
            await eventually(partial(way.holds, stream, 2))

        stop.set()
        await asyncio.gather(*loops)
    assert [await way.holds(stream, 2) for stream in (EVENTS, DEAD_LETTERS)] == [True, True]


async def test_a_gateway_stops_even_if_the_broker_is_unreachable(way: Way, nats_url: str) -> None:
    settings = GatewaySettings(nats_url=SecretStr(nats_url), publish_timeout_seconds=0.2)
    async with gateway(settings) as unit:
        await post(unit)
        for stream in (EVENTS, DEAD_LETTERS):
            await way.broker.jetstream.delete_stream(stream)


async def test_where_dead_letters_have_no_room_valid_events_are_taken_and_all_is_counted(
    way: Way, nats_url: str, database_url: str
) -> None:
    url = SecretStr(nats_url)
    letters = CollectorSettings(nats_url=url, database_url=SecretStr(database_url), port=0)
    async with gateway(GatewaySettings(nats_url=url, dead_letters_stream_max_bytes=1)) as unit:
        await post(unit)
        only_rejected = await post_events(unit, [{"eventId": "broken"}] * 3)
        said = await readiness_of(unit)
    await way.collect()
    async with collector(letters, FUNCTIONS["dead-letters"]) as unit:
        stop = asyncio.Event()
        loops = [asyncio.create_task(loop(stop)) for loop in unit.loops]
        await eventually(way.are_summaries_drained)
        stop.set()
        await asyncio.gather(*loops)

    assert only_rejected == HTTPStatus.UNPROCESSABLE_ENTITY
    assert said == (HTTPStatus.OK, "summarized")
    assert (await way.total())[1:] == (1, 1, 0, 0, 0, 4, 4, 0, 0)
    kept = await way.pool.fetch("SELECT code, payload FROM dead_letters ORDER BY payload")
    assert {record["code"] for record in kept} == {"dead_letters_full"}
    assert sorted(json.loads(record["payload"])["rejected"] for record in kept) == [1, 3]
    assert await ledger_differences(way.pool.fetch) == []


async def test_rejected_events_are_counted_from_the_gateway_to_the_dead_letters(way: Way) -> None:
    now = datetime.now(UTC)
    letters = [a_letter(accepted_at=now, source=it) for it in ("facebook", "tiktok", None, None)]
    await way.bus.publish_dead_letters(letters)
    await way.bus.publish_dead_letters(letters[:1])
    await way.collect_letters()

    assert (await way.total())[6:] == (5, 4, 1, 0)
    assert await way.imbalance(DEAD_LETTER_COLLECTOR) == 0
    assert await ledger_differences(way.pool.fetch) == []


async def test_rejected_events_that_vanish_from_the_broker_are_missed(way: Way) -> None:
    for count in (3, 2, 1):
        letters = [a_letter(accepted_at=datetime.now(UTC)) for _ in range(count)]
        await way.bus.publish_dead_letters(letters)
    await way.broker.jetstream.delete_msg(DEAD_LETTERS, 2)
    await way.collect_letters()

    assert await way.imbalance(DEAD_LETTER_COLLECTOR) == 2
    assert (await way.total())[6:] == (6, 4, 0, 0)
    assert await way.imbalance() == 0


async def test_an_envelope_with_an_unreadable_body_is_dead_to_its_last_event(
    way: Way,
) -> None:
    await way.publish(5)
    message = await way.broker.jetstream.get_msg(EVENTS, 1)
    await way.broker.jetstream.delete_msg(EVENTS, 1)
    headers = dict(message.headers or {}) | {"Nats-Msg-Id": "0" * 32}
    await way.broker.jetstream.publish(subject_of("facebook"), b"damaged", headers=headers)
    await way.collect()

    assert (await way.total())[1:6] == (5, 0, 0, 5, 0)
    assert await way.imbalance() == 0


class Forgetful:
    """A store whose answers are lost after the commit, as if the collector were killed there."""

    def __init__(self, store: PostgresEventStore, times: int) -> None:
        self._store = store
        self._left = times

    async def settle(self, outcomes: Any) -> Any:
        stored = await self._store.settle(outcomes)
        self._left -= 1
        if self._left >= 0:
            raise Unavailable("the answer is lost")
        return stored


async def test_a_commit_whose_answer_is_lost_counts_once(way: Way) -> None:
    await way.publish(3, 2)
    await way.collect(Forgetful(PostgresEventStore(way.pool), times=3))

    assert (await way.total())[1:6] == (5, 5, 0, 0, 0)
    assert await way.imbalance() == 0
    assert await ledger_differences(way.pool.fetch) == []


async def test_the_same_events_sent_again_are_duplicates(way: Way) -> None:
    events = [raw(a_facebook_event(eventId="fb-1")), raw(a_facebook_event(eventId="fb-2"))]
    for _ in range(2):
        await way.bus.publish("facebook", a_part(*events, accepted_at=datetime.now(UTC)))
        await way.collect()

    assert (await way.total())[1:6] == (4, 2, 2, 0, 0)
    assert await way.imbalance() == 0
