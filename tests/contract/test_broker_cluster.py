"""A cluster of three brokers with the committed configuration stores every stream three times."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.operating.contents import read_contents
from runtime.jetstream.streams import ensure_streams
from runtime.local.embedded.tcp_ports import free_port
from runtime.settings import BrokerSettings
from tests.certificates import Certificate, make_certificate
from tests.contract.broker import eventually
from tests.faults.cluster import NODES, ROUTE_PASSWORD, ClusterNode


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


async def test_nobody_joins_without_a_certificate(nodes: list[ClusterNode], tmp_path: Path) -> None:
    """A server with the password and without their certificate gets no copy of anything."""
    (elsewhere := tmp_path / "elsewhere").mkdir()
    port = nodes[0].cluster_ports["nats-1"]

    assert await _is_let_in(port, nodes[0].certificate)
    assert not await _is_let_in(port, make_certificate(elsewhere))
    assert not await _is_let_in(port, None)
    assert not await _is_let_in(port, nodes[0].certificate, password="guessed")


async def _is_let_in(
    port: int, certificate: Certificate | None, password: str = ROUTE_PASSWORD
) -> bool:
    """Act as a joining broker; return whether the other answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.file, certificate.key)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        who = {"name": "stranger", "cluster": "eps", "protocol": 1}
        login = json.dumps({"user": "route", "pass": password, **who})
        writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
        return b"PONG" in await _all_of(reader)
    except OSError:
        return False
    finally:
        writer.close()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the other has answered or ends the connection."""
    told = b""
    while b"PONG" not in told and (line := await reader.readline()):
        told += line
    return told


async def _are_made(broker: Broker, settings: BrokerSettings) -> bool:
    """Create the streams, once a leader is elected."""
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
