"""Settled messages stay on the broker for a while, and a replay restores missing ones."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from click.testing import CliRunner
from nats.js import JetStreamContext, api
from pydantic import SecretStr

from functions.errors import Unavailable
from runtime.bus.work import dead_letter_work
from runtime.catalogue import FUNCTIONS
from runtime.cli.broker import broker as commands
from runtime.jetstream.connection import Broker
from runtime.jetstream.kept import KeptMessages, read_window
from runtime.jetstream.operating.replay import NotKept, replay, settled_since
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS, KEPT, REJECTED
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.settings import BrokerSettings, CollectorSettings, GatewaySettings
from runtime.telemetry.metrics import ConsumerMetrics, new_registry
from runtime.wiring.collectors import collector
from runtime.wiring.gateway import gateway
from runtime.wiring.running import RunningFunction
from tests.builders import a_facebook_event, a_tiktok_event
from tests.contract.broker import a_broker, consuming, eventually, waiting
from tests.doubles.fakes import FakeEventStore
from tests.durables import DEAD_LETTER_COLLECTOR
from tests.truth.payloads import make_plain_payloads
from tests.truth.recomputation import differences, ledger_imbalances

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
HOUR: dict[str, Any] = {"keep_settled_seconds": 3600}


@dataclass
class System:
    """Gateway and collectors, on a database that can be lost."""

    server: EmbeddedPostgres
    template: str
    broker: Broker
    nats_url: str
    database: str = ""

    async def on_a_new_database(self) -> None:
        """Delete everything in the database."""
        self.database = f"test_{uuid4().hex}"
        await self._execute(f"CREATE DATABASE {self.database} TEMPLATE {self.template}")

    async def on_a_copy(self) -> None:
        """Continue in a copy of the current database."""
        before, self.database = self.database, f"test_{uuid4().hex}"
        await self._execute(f"CREATE DATABASE {self.database} TEMPLATE {before}")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.url_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def post(self, *bodies: Sequence[Any]) -> None:
        """Send requests, each of which gets a 202."""
        settings = GatewaySettings(nats_url=SecretStr(self.nats_url), **HOUR)
        async with gateway(settings) as unit:
            transport = httpx.ASGITransport(unit.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as it:
                for body in bodies:
                    answer = await it.post("/events", json=body)
                    assert answer.status_code == httpx.codes.ACCEPTED

    async def collect(self) -> None:
        """Collect until nothing waits."""
        settings = CollectorSettings(
            nats_url=SecretStr(self.nats_url),
            database_url=SecretStr(self.server.url_of(self.database)),
            **HOUR,
        )
        async with (
            collector(settings, FUNCTIONS["fb-collector"]) as facebook,
            collector(settings, FUNCTIONS["ttk-collector"]) as tiktok,
            collector(settings, FUNCTIONS["dead-letters"]) as letters,
            looping(facebook, tiktok, letters),
        ):
            await eventually(self._is_drained)

    async def _is_drained(self) -> bool:
        streams = [await self.broker.jetstream.stream_info(it) for it in (EVENTS, "DEAD_LETTERS")]
        return not any(it.state.messages for it in streams)

    async def replay(self, since: datetime = LONG_AGO) -> int:
        """Replay the messages settled since then, or since the stream exists."""
        window = await read_window(self.broker.client)
        assert window
        span = await settled_since(self.broker.client, max(since, window.since))
        return await replay(self.broker, span, lambda _: None)

    async def contents(self) -> dict[str, Any]:
        """Read everything that a report may read; the ledger and every rollup must be correct."""
        connection = await asyncpg.connect(self.server.url_of(self.database))
        try:
            assert await differences(connection.fetch) == {}
            assert await ledger_imbalances(connection.fetch) == []
            await make_plain_payloads(connection)
            return {name: await connection.fetch(query) for name, query in CONTENTS.items()}
        finally:
            await connection.close()

    async def kept(self) -> int:
        """Count the kept messages."""
        return (await self.broker.jetstream.stream_info(KEPT)).state.messages


CONTENTS = {
    "events": """
        SELECT event_id, payload, published_at, stream_sequence
        FROM stored_events JOIN plain_payloads USING (block, position) ORDER BY id
    """,
    "letters": "SELECT id, payload, correlation_id FROM dead_letters ORDER BY id",
    "ledger": "SELECT * FROM ledger ORDER BY minute, source, instance, rejected",
    "figures": "SELECT * FROM event_rollups ORDER BY 1, 2, 3, 4, 5",
}


@asynccontextmanager
async def looping(*units: RunningFunction) -> AsyncIterator[None]:
    """Run the functions' background work."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for unit in units:
            for loop in unit.loops:
                group.create_task(loop(stop))
        try:
            yield
        finally:
            stop.set()


@pytest.fixture
async def system(
    postgres_server: EmbeddedPostgres, migrated_template: str, nats_url: str
) -> AsyncIterator[System]:
    async with a_broker(nats_url, **HOUR) as broker:
        system = System(postgres_server, migrated_template, broker, nats_url)
        await system.on_a_new_database()
        yield system


def a_body(name: str) -> list[Any]:
    """Events of both sources, one of them twice, and one that is rejected."""
    good = [a_facebook_event(eventId=f"{name}-fb"), a_tiktok_event(eventId=f"{name}-ttk")]
    return [*good, good[0], a_facebook_event(eventId=f"{name}-bad", timestamp="yesterday")]


async def test_a_lost_database_gets_back_all_that_was_promised(system: System) -> None:
    await system.post(a_body("1"), a_body("2"))
    await system.collect()
    before = await system.contents()
    await system.on_a_new_database()

    assert await system.replay() == await system.kept() > 0
    await system.collect()

    assert await system.contents() == before
    assert len(before["events"]) == 4
    assert len(before["letters"]) == 2


async def test_a_restored_database_gets_back_the_events_since(system: System) -> None:
    await system.post(a_body("1"))
    await system.collect()
    last_night = datetime.now(UTC)
    await system.on_a_copy()
    copy = system.database
    await system.post(a_body("2"))
    await system.collect()
    after = await system.contents()
    system.database = copy

    await system.replay(last_night)
    await system.collect()

    assert await system.contents() == after


async def test_stored_events_are_not_counted_again_however_often_replayed(
    system: System,
) -> None:
    await system.post(a_body("1"), a_body("2"))
    await system.collect()
    before, kept = await system.contents(), await system.kept()

    for _ in range(2):
        await forget_ids(system.broker.jetstream)
        assert await system.replay() == kept
        await system.collect()

    assert await system.contents() == before
    assert await system.kept() == kept  # a replay creates no more for the next one


async def forget_ids(jetstream: JetStreamContext) -> None:
    """Make the broker forget message ids at once, as it does after two minutes."""
    for stream in (EVENTS, "DEAD_LETTERS"):
        config = (await jetstream.stream_info(stream)).config
        await jetstream.update_stream(config.evolve(duplicate_window=0.1))


async def test_a_replay_that_is_repeated_at_once_adds_no_message(system: System) -> None:
    await system.post(a_body("1"))
    await system.collect()

    await system.replay()
    first = (await system.broker.jetstream.stream_info(EVENTS)).state.last_seq
    await system.replay()

    assert (await system.broker.jetstream.stream_info(EVENTS)).state.last_seq == first


async def test_a_moment_that_is_not_kept_any_more_is_refused(system: System) -> None:
    await system.post(a_body("1"), a_body("2"))
    await system.collect()
    await system.broker.jetstream.purge_stream(KEPT, keep=1)

    with pytest.raises(NotKept, match="are deleted; to replay the rest, use --since"):
        await settled_since(system.broker.client, datetime.now(UTC) - timedelta(minutes=1))

    window = await read_window(system.broker.client)
    assert window
    assert (await settled_since(system.broker.client, window.since)).messages == 1
    assert (await settled_since(system.broker.client, datetime.now(UTC))).messages == 0


async def eps_replay(nats_url: str, *options: str) -> tuple[int, str]:
    """Run the command; returns its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "broker", "replay", *options),
        env={**os.environ, "NATS_URL": nats_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_command_says_how_much_it_would_be_and_ends_as_it_went(system: System) -> None:
    await system.post(a_body("1"))
    await system.collect()
    window = await window_of(system.broker)
    before = (await system.broker.jetstream.stream_info(EVENTS)).state.last_seq

    dry = await eps_replay(system.nats_url, "--since", window.since.isoformat(), "--dry-run")
    too_old = await eps_replay(system.nats_url, "--since", "2024-01-01")
    no_moment = await eps_replay(system.nats_url, "--since", "yesterday")

    assert dry == (0, f"{window.messages} messages would be replayed\n")
    assert too_old[0] == 1
    assert "are deleted; to replay" in too_old[1]
    assert no_moment[0] == 2
    assert (await system.broker.jetstream.stream_info(EVENTS)).state.last_seq == before


async def test_where_nothing_was_ever_kept_that_is_said(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        with pytest.raises(NotKept, match="KEEP_SETTLED_SECONDS"):
            await settled_since(broker.client, LONG_AGO)


async def test_a_replay_leaves_room_for_what_is_new(nats_url: str) -> None:
    """A quarter of a stream of 1 MB is filled; then it waits until that is settled."""
    settings = {**HOUR, "events_stream_max_bytes": 1024**2}
    async with a_broker(nats_url, **settings) as broker:
        for _ in range(20):
            await broker.jetstream.publish(f"kept.{EVENTS.lower()}.facebook", bytes(100_000))
        span = await settled_since(broker.client, (await window_of(broker)).since)
        said: list[str] = []
        replaying = asyncio.create_task(replay(broker, span, said.append))
        await eventually(lambda: "waiting for the collectors" in said)

        filled = (await broker.jetstream.stream_info(EVENTS)).state.bytes
        await eventually(lambda: drained_away(broker, replaying))

    assert filled <= 1024**2 / 2
    assert await replaying == 20


async def window_of(broker: Broker) -> Any:
    window = await read_window(broker.client)
    assert window
    return window


async def drained_away(broker: Broker, replaying: asyncio.Task[int]) -> bool:
    await broker.jetstream.purge_stream(EVENTS)
    return replaying.done()


async def test_nothing_is_acknowledged_before_it_is_kept(nats_url: str) -> None:
    settings = BrokerSettings(nats_url=SecretStr(nats_url), **HOUR)
    store = FakeEventStore()
    work = dead_letter_work(store, ConsumerMetrics(new_registry(), "x"))
    async with a_broker(nats_url, **HOUR) as broker:
        await refuse_to_keep(broker.jetstream, sealed=True)
        await broker.jetstream.publish(REJECTED, b"[]\n")
        keep = KeptMessages(broker.jetstream, settings).keep
        async with consuming(
            broker, DEAD_LETTER_COLLECTOR, work, keep=keep, first_delay_seconds=0.01
        ):
            await eventually(lambda: came_again(broker))
            assert await waiting(broker, DEAD_LETTER_COLLECTOR) == 1

            await refuse_to_keep(broker.jetstream, sealed=False)
            await eventually(lambda: is_settled(broker))

        assert (await broker.jetstream.stream_info(KEPT)).state.messages == 1


async def refuse_to_keep(jetstream: JetStreamContext, *, sealed: bool) -> None:
    """Make the stream of kept messages refuse everything, or nothing."""
    config = (await jetstream.stream_info(KEPT)).config
    await jetstream.update_stream(config.evolve(max_msg_size=1 if sealed else -1))


async def came_again(broker: Broker) -> bool:
    info = await broker.jetstream.consumer_info("DEAD_LETTERS", DEAD_LETTER_COLLECTOR.name)
    return bool(info.num_redelivered)


async def is_settled(broker: Broker) -> bool:
    return await waiting(broker, DEAD_LETTER_COLLECTOR) == 0


async def test_a_deleted_stream_of_what_is_kept_is_made_again(nats_url: str) -> None:
    settings = BrokerSettings(nats_url=SecretStr(nats_url), **HOUR)
    async with a_broker(nats_url, **HOUR) as broker:
        await broker.jetstream.delete_stream(KEPT)
        await broker.jetstream.add_consumer(
            EVENTS, api.ConsumerConfig(durable_name="x", filter_subject="events.facebook")
        )
        await broker.jetstream.publish("events.facebook", b"1", stream=EVENTS)
        subscription = await broker.jetstream.pull_subscribe_bind("x", EVENTS)
        messages = await subscription.fetch(1)
        keep = KeptMessages(broker.jetstream, settings).keep

        with pytest.raises(Unavailable):
            await keep(messages)
        await keep(messages)

        assert (await broker.jetstream.stream_info(KEPT)).state.messages == 1


async def test_a_copy_of_the_broker_has_the_kept_messages(system: System, tmp_path: Path) -> None:
    await system.post(a_body("1"))
    await system.collect()
    before, kept = await system.contents(), await system.kept()
    await run_eps(system, "backup", tmp_path / "copy")
    for stream in (EVENTS, DEAD_LETTERS, KEPT):
        await system.broker.jetstream.delete_stream(stream)

    await run_eps(system, "restore", tmp_path / "copy")
    await system.on_a_new_database()
    assert await system.replay() == kept > 0
    await system.collect()

    assert await system.contents() == before


async def run_eps(system: System, command: str, folder: Path) -> None:
    """Run one of the operator's commands on the broker, and expect success."""
    environment = {"NATS_URL": system.nats_url}
    arguments = [command, str(folder)]
    done = await asyncio.to_thread(CliRunner().invoke, commands, arguments, env=environment)
    assert done.exit_code == 0, done.output
