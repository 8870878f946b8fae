"""A full stream is visible where an operator looks first."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from functions.errors import Unavailable
from runtime.cli.health import check_health, full_lines
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.operating.contents import Contents
from runtime.jetstream.streams import ensure_streams
from runtime.local.embedded.checks import refuses_events
from runtime.local.supervisor.run_files import Running, RunState
from runtime.settings import BrokerSettings
from tests.builders import a_part


@pytest.fixture
async def broker(nats_url: str) -> AsyncIterator[Broker]:
    async with connected(nats_url, "operator", 10.0) as connection:
        sizes = {"events_stream_max_bytes": "16kb", "dead_letters_stream_max_bytes": "16kb"}
        await ensure_streams(connection.jetstream, BrokerSettings.load(nats_url=nats_url, **sizes))
        yield connection


async def test_the_bus_says_that_events_have_no_room_until_they_have(broker: Broker) -> None:
    bus = JetStreamBus(broker, 5.0)
    before = bus.events
    large, small = a_part(b"x" * 17_000), a_part(b"1")

    with pytest.raises(Unavailable, match="the broker refuses: maximum bytes exceeded"):
        await bus.publish("facebook", large)
    full = bus.events
    await bus.publish("facebook", small)

    assert (before, full, bus.events) == (None, "full", None)


async def test_health_has_a_line_for_a_full_stream(
    broker: Broker, nats_url: str, tmp_path: Path
) -> None:
    RunState(os.getpid(), (Running("nats", nats_url),)).save(tmp_path)
    well = await check_health(tmp_path)
    await broker.jetstream.publish("events.facebook", b"x" * 16_100)
    await broker.jetstream.publish("dead_letters.rejected", b"x" * 16_100)

    ill = await check_health(tmp_path)

    assert (well.ok, len(well.lines)) == (True, 1)
    assert not ill.ok
    assert ill.lines[1:] == (
        "stream EVENTS  full (15.8 KB of 16 KB): the gateway answers 503",
        (
            "stream DEAD_LETTERS  full (15.8 KB of 16 KB): rejected events are kept only as "
            "summaries; no event is refused because of it"
        ),
    )


def test_a_stream_is_full_when_the_gateway_says_so() -> None:
    contents = Contents("EVENTS", 1, 600 * 1024, 700 * 1024, 1, (1, 1), [], None)

    assert list(full_lines([contents])) == []
    assert list(full_lines([contents], refusing=True)) == [
        "stream EVENTS  full (600 KB of 700 KB): the gateway answers 503"
    ]


async def test_who_does_not_answer_does_not_refuse() -> None:
    assert not await refuses_events("http://127.0.0.1:1")
