"""A cluster of three brokers with the committed configuration keeps every stream three times."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.contents import read_contents
from runtime.jetstream.streams import ensure_streams
from runtime.local.ports import free_port
from runtime.settings import BrokerSettings
from tests.contract.broker import eventually
from tests.faults.cluster import NODES, ClusterNode


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[list[ClusterNode]]:
    ports = {name: free_port() for name in NODES}
    cluster = [ClusterNode(tmp_path / name, name, ports) for name in NODES]
    async with AsyncExitStack() as stack:
        for node in cluster:
            await stack.enter_async_context(node)
        yield cluster


async def test_each_stream_is_kept_three_times_and_outlives_a_broker(
    nodes: list[ClusterNode],
) -> None:
    urls = ",".join(node.url for node in nodes)
    settings = BrokerSettings(nats_url=urls, stream_replicas=3)
    async with connected(urls, "test", 30) as broker:
        await eventually(lambda: _are_made(broker, settings))
        await eventually(lambda: _is_whole(broker))
        await broker.jetstream.publish("events.facebook", b"before")

        os.kill(nodes[0].pid, signal.SIGKILL)
        await eventually(lambda: _is_taken(broker))

        assert (await broker.jetstream.get_msg("EVENTS", 1)).data == b"before"


async def _are_made(broker: Broker, settings: BrokerSettings) -> bool:
    """Make the streams, once a leader is chosen."""
    try:
        await ensure_streams(broker.jetstream, settings)
    except (NatsError, TimeoutError):
        return False
    return True


async def _is_whole(broker: Broker) -> bool:
    try:
        contents = await read_contents(broker.client)
    except (NatsError, APIError, TimeoutError):
        return False
    return [it.copies for it in contents] == [(3, 3)] * 2


async def _is_taken(broker: Broker) -> bool:
    try:
        await broker.jetstream.publish("events.facebook", b"after", timeout=1)
    except (NatsError, TimeoutError):
        return False
    return True
