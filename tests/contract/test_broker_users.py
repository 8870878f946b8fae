"""The gateway's user of the broker may only publish, the collectors' user only consume."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from functions.messages import AcceptedBatch, Backlog
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.kept import KeptMessages, read_window
from runtime.jetstream.pull import Pull
from runtime.jetstream.streams import ensure_consumer, ensure_streams
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.process import Program
from runtime.local.embedded.readiness import NotReady
from runtime.settings import BrokerSettings
from runtime.telemetry.metrics import ConsumerMetrics, new_registry
from tests.builders import a_facebook_event, a_letter, raw
from tests.contract.broker import eventually
from tests.durables import FB_COLLECTOR

CONFIGURATION = Path(__file__).parents[2] / "infra" / "nats-users.conf"
PASSWORDS = {
    f"NATS_{user}_PASSWORD": f"{user.lower()}0secret"
    for user in ("GATEWAY", "COLLECTOR", "OPERATOR")
}


class GuardedNats(EmbeddedNats):
    """The broker with users."""

    def program(self) -> Program:
        plain = super().program()
        command = [*plain.command]
        command[command.index("-c") + 1] = str(CONFIGURATION)
        return Program(command=command, environment={**plain.environment, **PASSWORDS})

    def url_of(self, user: str) -> str:
        return f"nats://{user}:{user}0secret@127.0.0.1:{self.port}"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[GuardedNats]:
    async with GuardedNats(tmp_path / "nats") as server:
        yield server


def told(url: str, **changed: int) -> BrokerSettings:
    return BrokerSettings(nats_url=SecretStr(url), **changed)  # type: ignore[arg-type]


async def test_each_can_do_its_work(broker: GuardedNats) -> None:
    event, kept = raw(a_facebook_event()), {"keep_settled_seconds": 60}
    publishes, collects = broker.url_of("gateway"), broker.url_of("collector")
    async with (
        connected(collects, "fb-collector", 10) as consuming,
        connected(publishes, "gateway", 10) as publishing,
    ):
        await ensure_streams(consuming.jetstream, told(collects, **kept), may_change=False)
        changed = {**kept, "events_stream_max_bytes": 10**7}
        await ensure_streams(publishing.jetstream, told(publishes, **changed))
        await ensure_streams(consuming.jetstream, told(collects, **kept), may_change=False)
        await ensure_consumer(consuming.jetstream, FB_COLLECTOR, 20)
        bus = JetStreamBus(publishing, 5)
        await bus.publish("facebook", AcceptedBatch("mine", datetime.now(UTC), [event]))
        await bus.publish_dead_letters([a_letter()])
        await publishing.check_stream("EVENTS")
        pull = Pull(consuming.client, FB_COLLECTOR, max_messages=8, max_bytes=10**6)
        async with pull.open():
            [message] = await pull.fetch(5)
            await _measure_backlog(consuming)
            await KeptMessages(consuming.jetstream, told(collects, **kept)).keep([message])
            await message.ack_sync()

        assert event in message.data
        info = await consuming.jetstream.consumer_info("EVENTS", FB_COLLECTOR.name)
        assert (info.num_pending, info.num_ack_pending) == (0, 0)
        stream = await publishing.jetstream.stream_info("EVENTS")
        assert stream.config.max_bytes == 10**7
        window = await read_window(publishing.client)
        assert window
        assert (window.messages, window.wanted_seconds) == (1, 60)


async def _measure_backlog(consuming: Broker) -> None:
    stop, seen = asyncio.Event(), list[Backlog]()

    async def note(backlog: Backlog) -> None:
        seen.append(backlog)
        stop.set()

    metrics = ConsumerMetrics(new_registry(), FB_COLLECTOR.name)
    async with asyncio.timeout(10):
        await watch_backlog(consuming, FB_COLLECTOR, metrics, note, stop)
    assert (seen[0].messages, seen[0].first_sequence) == (1, 1)
    assert seen[0].oldest_at


REFUSED = [
    ("gateway", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.fb-collector"),
    ("gateway", "$JS.API.CONSUMER.CREATE.EVENTS.mine.events.facebook"),
    ("gateway", "$JS.API.STREAM.MSG.GET.EVENTS"),
    ("gateway", "$JS.API.DIRECT.GET.EVENTS"),
    ("gateway", "$JS.ACK.EVENTS.fb-collector.1.1.1.1.0"),
    ("gateway", "$JS.API.STREAM.PURGE.EVENTS"),
    ("gateway", "$JS.API.STREAM.DELETE.EVENTS"),
    ("gateway", "$JS.API.STREAM.CREATE.MINE"),
    ("gateway", "kept.events.facebook"),
    ("gateway", "$JS.API.STREAM.MSG.GET.KEPT"),
    ("gateway", "$JS.API.STREAM.PURGE.KEPT"),
    ("collector", "events.facebook"),
    ("collector", "dead_letters.rejected"),
    ("collector", "$JS.API.STREAM.UPDATE.EVENTS"),
    ("collector", "$JS.API.STREAM.PURGE.EVENTS"),
    ("collector", "$JS.API.STREAM.DELETE.EVENTS"),
    ("collector", "$JS.API.STREAM.MSG.DELETE.EVENTS"),
    ("collector", "$JS.API.STREAM.CREATE.MINE"),
    ("collector", "$JS.API.STREAM.UPDATE.KEPT"),
    ("collector", "$JS.API.STREAM.PURGE.KEPT"),
    ("collector", "$JS.API.STREAM.MSG.GET.KEPT"),
    ("collector", "$JS.API.CONSUMER.CREATE.KEPT.mine"),
]


@pytest.mark.parametrize("user", ["gateway", "collector"])
async def test_the_rest_may_not_be_published(broker: GuardedNats, user: str) -> None:
    client, errors = await _client(broker, user)
    subjects = [subject for who, subject in REFUSED if who == user]

    for subject in subjects:
        await client.publish(subject, b"{}")

    def refused() -> set[str]:
        said = "\n".join(errors).lower()
        return {each for each in subjects if f'publish to "{each.lower()}"' in said}

    await eventually(lambda: refused() == set(subjects))
    await client.close()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("gateway", "events.>"),
        ("gateway", ">"),
        ("gateway", "_INBOX.>"),
        ("gateway", "_INBOX_fb-collector.>"),
        ("collector", "events.>"),
        ("collector", "_INBOX_gateway.>"),
    ],
)
async def test_nobody_listens_to_others(broker: GuardedNats, user: str, subject: str) -> None:
    client, errors = await _client(broker, user)

    await client.subscribe(subject)

    await eventually(lambda: f'subscription to "{subject}"'.lower() in "\n".join(errors).lower())
    await client.close()


async def test_nobody_can_log_in_without_a_password(broker: GuardedNats) -> None:
    with pytest.raises(NotReady, match="Authorization Violation"):
        await _greeted(broker.port)


async def _greeted(port: int) -> None:
    """Connect without a name, as a client would; the library's own then leaks its connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b'CONNECT {"verbose": false}\r\nPING\r\n')
    try:
        await reader.readline()  # INFO
        answer = (await reader.readline()).decode()
    finally:
        writer.close()
        await writer.wait_closed()
    if not answer.startswith("PONG"):
        raise NotReady(answer)


async def _client(broker: GuardedNats, user: str) -> tuple[Client, list[str]]:
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    return await nats.connect(broker.url_of(user), error_cb=note), errors
