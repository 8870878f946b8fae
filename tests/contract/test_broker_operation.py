"""An operator's commands on a real broker: status, copy, restore, take a message out."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError

from runtime.jetstream.connection import Broker
from runtime.jetstream.operating.contents import Contents, clear_settled, read_contents
from runtime.jetstream.operating.set_aside import NotSetAside, put_back, set_aside
from runtime.jetstream.operating.snapshots import BadCopy, back_up, copied_streams, restore
from runtime.jetstream.streams import EVENTS, ensure_consumer, ensure_streams
from runtime.settings import BrokerSettings
from tests.contract.broker import ACK_WAIT_SECONDS, a_broker, a_pull, eventually
from tests.durables import FB_COLLECTOR

FACEBOOK, NOBODYS = "events.facebook", "events.nobody"


async def fetched(broker: Broker) -> list[Msg]:
    async with (pull := a_pull(broker, FB_COLLECTOR)).open():
        return await pull.fetch(5)


async def a_copy(broker: Broker, folder: Path, *payloads: bytes) -> Path:
    """Copy a stream of these messages, of which the first is acknowledged."""
    await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
    first, *others = payloads
    await broker.jetstream.publish(FACEBOOK, first)
    [settled] = await fetched(broker)
    await settled.ack_sync()
    for payload in others:
        await broker.jetstream.publish(FACEBOOK, payload)
    assert await back_up(broker.client, EVENTS, folder) == len(payloads) - 1
    return folder


async def events_of(broker: Broker) -> Contents:
    events, _ = await read_contents(broker.client)
    return events


async def test_a_stream_tells_what_waits_for_whom(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
        await broker.jetstream.publish(NOBODYS, b"nobody takes it")
        for payload in (b"delivered", b"delivered"):
            await broker.jetstream.publish(FACEBOOK, payload)
        await fetched(broker)
        await broker.jetstream.publish(FACEBOOK, b"waits")

        events = await events_of(broker)

    [waiting] = events.waiting
    assert (events.messages, events.unclaimed, events.last_sequence) == (4, 1, 4)
    assert events.first
    assert events.first.sequence == 1
    assert (waiting.consumer, waiting.undelivered, waiting.in_hand) == ("fb-collector", 1, 2)
    assert waiting.first
    assert (waiting.first.sequence, waiting.first.bytes) == (2, len(b"delivered"))


async def test_a_missing_stream_is_left_out(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        await broker.jetstream.delete_stream(EVENTS)

        assert [it.name for it in await read_contents(broker.client)] == ["DEAD_LETTERS"]


async def test_a_stream_is_restored_with_what_was_acknowledged(
    nats_url: str, tmp_path: Path
) -> None:
    payloads = [os.urandom(500_000) for _ in range(12)]  # more than the broker sends unasked
    async with a_broker(nats_url) as broker:
        await a_copy(broker, tmp_path, *payloads)
        await broker.jetstream.delete_stream(EVENTS)

        assert copied_streams(tmp_path) == [EVENTS]
        assert await restore(broker.client, EVENTS, tmp_path) == 11
        await ensure_streams(broker.jetstream, BrokerSettings(nats_url=nats_url))

        assert (await events_of(broker)).last_sequence == 12
        sequences: dict[int, bytes] = {}
        while len(sequences) < 11:
            for message in await fetched(broker):
                sequences[message.metadata.sequence.stream] = message.data
                await message.ack_sync()
        assert sequences == dict(enumerate(payloads[1:], 2))


async def test_a_copy_never_overwrites_another(nats_url: str, tmp_path: Path) -> None:
    async with a_broker(nats_url) as broker:
        await a_copy(broker, tmp_path, b"a", b"b")

        with pytest.raises(BadCopy, match="exists already"):
            await back_up(broker.client, EVENTS, tmp_path)

        assert copied_streams(tmp_path) == [EVENTS]


async def test_a_copy_that_failed_leaves_nothing(nats_url: str, tmp_path: Path) -> None:
    async with a_broker(nats_url) as broker:
        await broker.jetstream.delete_stream(EVENTS)

        with pytest.raises(APIError):
            await back_up(broker.client, EVENTS, tmp_path)

    with pytest.raises(BadCopy, match="no copies"):
        copied_streams(tmp_path)
    assert not (tmp_path / "EVENTS.messages").exists()


async def test_a_stream_that_is_there_is_not_restored_over(nats_url: str, tmp_path: Path) -> None:
    async with a_broker(nats_url) as broker:
        await a_copy(broker, tmp_path, b"a", b"b", b"c")
        await broker.jetstream.publish(FACEBOOK, b"newer")

        with pytest.raises(APIError):
            await restore(broker.client, EVENTS, tmp_path)

        assert (await events_of(broker)).messages == 3


async def test_a_damaged_copy_is_refused(nats_url: str, tmp_path: Path) -> None:
    async with a_broker(nats_url) as broker:
        await a_copy(broker, tmp_path, *[os.urandom(1_000) for _ in range(100)])
        await broker.jetstream.delete_stream(EVENTS)
        messages = tmp_path / "EVENTS.messages"
        messages.write_bytes(messages.read_bytes()[: messages.stat().st_size // 2])

        with pytest.raises(APIError):
            await restore(broker.client, EVENTS, tmp_path)

        assert [it.name for it in await read_contents(broker.client)] == ["DEAD_LETTERS"]


async def passed_over(broker: Broker) -> None:
    """Leave a message that its consumer counts as settled, as after a full disk."""
    elsewhere = replace(FB_COLLECTOR, subject=NOBODYS)
    await ensure_consumer(broker.jetstream, elsewhere, ACK_WAIT_SECONDS)
    await broker.jetstream.publish(FACEBOOK, b"passed over")
    await broker.jetstream.publish(NOBODYS, b"settled")
    [settled] = await fetched(broker)
    await settled.ack_sync()
    await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)


async def test_settled_messages_that_remain_can_be_removed(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        await passed_over(broker)
        assert (await events_of(broker)).unclaimed == 1

        assert (await clear_settled(broker.client))["fb-collector"] == 1

        assert (await events_of(broker)).messages == 0


async def test_unsettled_messages_are_never_removed(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
        for payload in (b"settled", b"in hand", b"settled before its turn"):
            await broker.jetstream.publish(FACEBOOK, payload)
        first, _, third = await fetched(broker)
        await first.ack_sync()
        await third.ack_sync()
        await broker.jetstream.publish(FACEBOOK, b"waits")
        await broker.jetstream.publish("events.tiktok", b"waits, and nobody took any yet")

        assert not any((await clear_settled(broker.client)).values())

        assert (await events_of(broker)).messages == 3


async def test_new_streams_count_on_from_the_given_sequence(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        settings = BrokerSettings(nats_url=nats_url)
        await broker.jetstream.delete_stream(EVENTS)

        await ensure_streams(broker.jetstream, settings, first_sequence=1_000)
        await ensure_streams(broker.jetstream, settings)  # as the gateway does when it starts

        assert (await broker.jetstream.publish(FACEBOOK, b"next")).seq == 1_000


async def forgotten_ids(jetstream: JetStreamContext) -> None:
    """Make the broker forget message ids at once."""
    config = (await jetstream.stream_info(EVENTS)).config
    await jetstream.update_stream(config.evolve(duplicate_window=0.1))


async def test_a_message_that_was_set_aside_is_put_back_unchanged(
    nats_url: str, tmp_path: Path
) -> None:
    headers = {"Nats-Msg-Id": "the-id", "Eps-Manifest": '{"events": 1}'}
    async with a_broker(nats_url) as broker:
        await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
        await broker.jetstream.publish(FACEBOOK, b"poison\0", headers=dict(headers))
        await broker.jetstream.publish(FACEBOOK, b"another")
        file = tmp_path / "message"

        await set_aside(broker.jetstream, EVENTS, 1, file)

        assert file.stat().st_mode & 0o777 == 0o600
        [other] = await fetched(broker)
        assert other.data == b"another"
        with pytest.raises(NotSetAside, match="two minutes"):
            await put_back(broker.jetstream, file)
        await forgotten_ids(broker.jetstream)
        await eventually(lambda: _is_put_back(broker.jetstream, file))
        [message] = await fetched(broker)
        assert message.data == b"poison\0"
        assert headers.items() <= (message.headers or {}).items()


async def _is_put_back(jetstream: JetStreamContext, file: Path) -> bool:
    try:
        return await put_back(jetstream, file) == 3
    except NotSetAside:
        return False


async def test_a_message_stays_where_its_file_can_not_be_made(
    nats_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"another one, taken out before")
    async with a_broker(nats_url) as broker:
        await broker.jetstream.publish(FACEBOOK, b"a")

        with pytest.raises(NotSetAside):
            await set_aside(broker.jetstream, EVENTS, 1, file)

        assert (await events_of(broker)).messages == 1
    assert file.read_bytes() == b"another one, taken out before"


async def test_a_file_that_holds_no_message_is_not_put_back(nats_url: str, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_text("{}")
    async with a_broker(nats_url) as broker:
        with pytest.raises(NotSetAside, match="can't be used"):
            await put_back(broker.jetstream, file)
