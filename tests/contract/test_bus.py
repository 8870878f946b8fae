"""The bus on a real broker."""

import asyncio
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from functions.errors import Unavailable
from functions.events import Source
from functions.messages import Announcement, Envelope
from runtime.bus.envelopes import MAX_MESSAGE_BYTES, decode, decode_letters
from runtime.bus.manifests import read_manifest
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.streams import (
    DEAD_LETTERS,
    EVENTS,
    REJECTED,
    SUMMARIES,
    ensure_streams,
    subject_of,
)
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.settings import BrokerSettings
from tests.builders import NOON, a_facebook_event, a_letter, a_part, a_tiktok_event, raw
from tests.contract.broker import a_broker, eventually

TIMEOUT_SECONDS = 5.0


async def stored(broker: Broker, stream: str) -> list[bytes]:
    """Read all messages of a stream."""
    info = await broker.jetstream.stream_info(stream)
    numbers = range(max(info.state.first_seq, 1), info.state.last_seq + 1)
    messages = [await broker.jetstream.get_msg(stream, number) for number in numbers]
    return [message.data or b"" for message in messages]


async def test_published_events_are_on_the_stream_of_their_source(nats_url: str) -> None:
    facebook, tiktok = raw(a_facebook_event()), raw(a_tiktok_event())
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, TIMEOUT_SECONDS)

        await asyncio.gather(
            bus.publish("facebook", a_part(facebook)), bus.publish("tiktok", a_part(tiktok))
        )

        first = await broker.jetstream.get_last_msg(EVENTS, subject_of("facebook"))
        second = await broker.jetstream.get_last_msg(EVENTS, subject_of("tiktok"))
    assert decode("facebook", first.data or b"")[0].events == [facebook]
    assert decode("tiktok", second.data or b"")[0].events == [tiktok]


async def test_what_comes_together_goes_together(nats_url: str) -> None:
    parts = [a_part(correlation_id=str(number)) for number in range(500)]
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, TIMEOUT_SECONDS)

        await asyncio.gather(*(bus.publish("facebook", part) for part in parts))

        envelopes = await stored(broker, EVENTS)
    found = [part for envelope in envelopes for part in decode("facebook", envelope)]
    assert {part.correlation_id for part in found} == {part.correlation_id for part in parts}
    assert len(found) == 500
    assert len(envelopes) < 10


async def test_an_envelope_tells_of_itself_and_of_those_that_were_acknowledged(
    nats_url: str,
) -> None:
    later = NOON + timedelta(minutes=1, seconds=5)
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, TIMEOUT_SECONDS)
        await bus.publish("facebook", a_part(b"1", b"2"))
        await bus.publish("tiktok", a_part(b"3"))
        await asyncio.gather(
            *(bus.publish("facebook", a_part(b"4", accepted_at=it)) for it in (later, NOON, later))
        )

        first, _, *others = [await manifest_at(broker, number) for number in range(1, 5)]

    assert (first.minute, first.events, first.announced) == (NOON, 2, [])
    assert {(it.minute, it.events) for it in others} <= {
        (NOON, 1), (NOON + timedelta(minutes=1), 1), (NOON + timedelta(minutes=1), 2),
    }  # fmt: skip
    assert all(it.instance == first.instance for it in others)
    assert all(Announcement(first.id, NOON, 2, 1) in it.announced for it in others)


async def manifest_at(broker: Broker, number: int) -> Envelope:
    message = await broker.jetstream.get_msg(EVENTS, number)
    found = read_manifest("facebook", message.headers)
    assert found
    return found


async def test_events_that_the_broker_refused_are_not_announced(nats_url: str) -> None:
    async with a_broker(nats_url, events_stream_max_bytes=12_000) as broker:
        bus = JetStreamBus(broker, TIMEOUT_SECONDS)
        with pytest.raises(Unavailable):
            await bus.publish("facebook", a_part(b"x" * 20_000))
        await bus.publish("facebook", a_part(b"1"))

        assert (await manifest_at(broker, 1)).announced == []


async def test_dead_letters_go_to_a_stream_of_their_own(nats_url: str) -> None:
    letters = [a_letter(), a_letter(payload=b"\x00\n\xff")]
    async with a_broker(nats_url) as broker:
        await JetStreamBus(broker, TIMEOUT_SECONDS).publish_dead_letters(letters)

        message = await broker.jetstream.get_last_msg(DEAD_LETTERS, REJECTED)
        events = await stored(broker, EVENTS)

    assert decode_letters(message.data or b"") == letters
    assert events == []


async def test_large_events_beside_each_other_go_in_as_many_messages_as_are_needed(
    nats_url: str,
) -> None:
    noise = Random(1).randbytes(2 * 1024**2 - 1024).hex()  # as large as EVENT_SIZE_LIMIT may be
    events = [raw(a_facebook_event(extra=f"{noise}{number}")) for number in range(3)]
    letters = [a_letter(payload=event, position=it) for it, event in enumerate(events)]
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, 30)

        assert [await bus.can_carry(event) for event in events] == [True] * 3
        await bus.publish("facebook", a_part(*events))
        await bus.publish_dead_letters(letters)

        messages = await stored(broker, EVENTS)
        dead = await stored(broker, DEAD_LETTERS)
        told = [(await manifest_at(broker, it + 1)).events for it in range(len(messages))]

    assert [it for data in messages for it in decode("facebook", data)[0].events] == events
    assert sum(told) == 3
    assert [letter for data in dead for letter in decode_letters(data)] == letters


async def test_an_event_that_the_broker_can_not_take_is_known_before(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, 30)

        assert await bus.can_carry(bytes(MAX_MESSAGE_BYTES - 100_000))
        assert not await bus.can_carry(bytes(MAX_MESSAGE_BYTES))


async def test_a_full_stream_is_unavailable_at_once_and_takes_again_when_there_is_room(
    nats_url: str,
) -> None:
    part = a_part(b"x" * 5000)
    async with a_broker(nats_url, events_stream_max_bytes=12_000) as broker:
        bus = JetStreamBus(broker, 60)
        await bus.publish("facebook", part)
        await bus.publish("facebook", part)

        with pytest.raises(Unavailable) as caught:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await bus.publish("facebook", part)
        kept = await stored(broker, EVENTS)
        await broker.jetstream.purge_stream(EVENTS)
        await bus.publish("facebook", part)

    assert caught.value.retry_after_seconds > 1
    assert len(kept) == 2


async def test_where_dead_letters_have_no_room_a_summary_goes_with_the_events(
    nats_url: str,
) -> None:
    summarized: list[tuple[Source | None, int]] = []
    letters = [a_letter(payload=b"%d" % number * 3000, position=number) for number in range(3)]
    async with a_broker(nats_url, dead_letters_stream_max_bytes=8_000) as broker:
        bus = JetStreamBus(broker, TIMEOUT_SECONDS, lambda *it: summarized.append(it))
        await bus.publish_dead_letters([a_letter(payload=b"x" * 4000)])
        before = bus.dead_letters

        await asyncio.gather(
            bus.publish("facebook", a_part(b"1")), bus.publish_dead_letters(letters)
        )

        meanwhile, kept = bus.dead_letters, await stored(broker, DEAD_LETTERS)
        message = await broker.jetstream.get_last_msg(EVENTS, SUMMARIES)
        await broker.jetstream.purge_stream(DEAD_LETTERS)
        await bus.publish_dead_letters(letters[:1])
        (last,) = await stored(broker, DEAD_LETTERS)

    assert (before, meanwhile, bus.dead_letters) == (None, "summarized", None)
    assert len(kept) == 1
    assert summarized == [(letters[0].source, 3)]
    (letter,) = decode_letters(message.data or b"")
    summary = json.loads(letter.payload)
    assert (letter.fault.code, summary["rejected"]) == ("dead_letters_full", 3)
    assert summary["kinds"][0]["sha256"] == sha256(letters[0].payload).hexdigest()
    counted = read_manifest(None, message.headers)
    assert counted
    assert (counted.rejected, counted.events, len(counted.announced)) == (True, 3, 1)
    assert decode_letters(last) == letters[:1]


async def test_where_nothing_has_room_dead_letters_are_refused(nats_url: str) -> None:
    limits = {"events_stream_max_bytes": 1_000, "dead_letters_stream_max_bytes": 1_000}
    async with a_broker(nats_url, **limits) as broker:
        with pytest.raises(Unavailable):
            await JetStreamBus(broker, TIMEOUT_SECONDS).publish_dead_letters(
                [a_letter(payload=b"x" * 4000)]
            )


async def test_without_its_stream_the_broker_is_unavailable(nats_url: str) -> None:
    async with connected(nats_url, "test", TIMEOUT_SECONDS) as broker:
        with pytest.raises(Unavailable):
            await JetStreamBus(broker, 0.2).publish("facebook", a_part())
        with pytest.raises(Unavailable):
            await broker.check_stream(EVENTS)


async def test_an_unreachable_broker_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    first = EmbeddedNats(tmp_path)
    settings = BrokerSettings(nats_url=first.url)
    async with first:
        broker = Broker(first.url, "test")
        await broker.connect(TIMEOUT_SECONDS)
        await ensure_streams(broker.jetstream, settings)
        bus = JetStreamBus(broker, 0.2)
        await bus.publish("facebook", a_part())

    await eventually(lambda: not broker.client.is_connected)
    with pytest.raises(Unavailable):
        await bus.publish("facebook", a_part())
    with pytest.raises(Unavailable):
        await broker.check_stream(EVENTS)
    assert not broker.client.is_closed

    async with EmbeddedNats(tmp_path, port=first.port):
        await eventually(lambda: broker.client.is_connected)
        await JetStreamBus(broker, TIMEOUT_SECONDS).publish("facebook", a_part())
        kept = await stored(broker, EVENTS)
        await broker.close()

    assert len(kept) == 2


async def test_a_request_waits_for_a_broker_that_is_soon_back(tmp_path: Path) -> None:
    first = EmbeddedNats(tmp_path)
    async with first:
        broker = Broker(first.url, "test")
        await broker.connect(TIMEOUT_SECONDS)
        await ensure_streams(broker.jetstream, BrokerSettings(nats_url=first.url))

    await eventually(lambda: not broker.client.is_connected)
    publishing = asyncio.create_task(JetStreamBus(broker, 30).publish("facebook", a_part()))
    async with EmbeddedNats(tmp_path, port=first.port):
        await publishing
        kept = await stored(broker, EVENTS)
        await broker.close()

    assert len(kept) == 1


async def test_a_broker_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with connected("nats://127.0.0.1:1", "test", 0.2):
            pass


async def test_streams_keep_what_waits_and_can_be_given_other_bounds(nats_url: str) -> None:
    async with a_broker(nats_url) as broker:
        await JetStreamBus(broker, TIMEOUT_SECONDS).publish("facebook", a_part())
    others = [
        BrokerSettings(nats_url=nats_url, events_stream_max_bytes=size)
        for size in (10**6, 10**6, 10**6)
    ]
    async with connected(nats_url, "test", TIMEOUT_SECONDS) as broker:
        await asyncio.gather(*(ensure_streams(broker.jetstream, other) for other in others))

        info = await broker.jetstream.stream_info(EVENTS)

    assert info.config.max_bytes == 10**6
    assert info.config.retention == "workqueue"
    assert info.config.discard == "new"
    assert info.state.messages == 1
