"""A broker's refusal at a start is one line, with the setting to change."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from functions.errors import Unavailable
from runtime.jetstream.connection import connected
from runtime.jetstream.readying import ready_broker
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.tcp_ports import free_port
from runtime.settings import BrokerSettings, GatewaySettings
from tests.contract.test_broker_login import ConfiguredNats


async def refusal(server: EmbeddedNats, url: str = "", **settings: str) -> str:
    """Start on a broker; returns the refusal."""
    url = url or server.url
    with pytest.raises(Unavailable) as raised:
        async with connected(url, "gateway", 10.0) as broker:
            await ready_broker(broker, BrokerSettings.load(nats_url=url, **settings))
    told = str(raised.value)
    assert "\n" not in told
    assert told.startswith("the broker at nats://")
    return told


async def test_too_little_store_names_settings_and_what_there_is(tmp_path: Path) -> None:
    async with EmbeddedNats(tmp_path / "nats", max_store_bytes=1024**3) as server:
        url = server.url
        settings = GatewaySettings.load(nats_url=url, nats_monitoring_url=server.monitoring_url)
        with pytest.raises(Unavailable) as raised:
            async with connected(url, "gateway", 10.0) as broker:
                await ready_broker(broker, settings)

        assert str(raised.value) == (
            f"the broker at {url} has too little room for the streams:"
            " EVENTS_STREAM_MAX_BYTES=4 GB, DEAD_LETTERS_STREAM_MAX_BYTES=1 GB;"
            " its max_file_store is 1 GB, of which 0 B are reserved"
        )
        assert "check its max_file_store" in await refusal(server)


async def test_subjects_that_another_stream_has(nats_server: EmbeddedNats, nats_url: str) -> None:
    async with connected(nats_url, "other", 10.0) as broker:
        await broker.jetstream.add_stream(name="OTHER", subjects=["events.*"])
        try:
            told = await refusal(nats_server, nats_url)
        finally:
            await broker.jetstream.delete_stream("OTHER")

    assert "has other streams with the subjects events.>" in told


async def test_more_copies_than_servers(nats_server: EmbeddedNats, nats_url: str) -> None:
    assert "too few servers for STREAM_REPLICAS=3" in await refusal(
        nats_server, nats_url, stream_replicas="3"
    )


async def test_a_broker_without_jetstream(tmp_path: Path) -> None:
    async with without_jetstream(tmp_path) as port:
        url = f"nats://127.0.0.1:{port}"
        with pytest.raises(Unavailable, match="has no JetStream for this user"):
            async with connected(url, "gateway", 10.0) as broker:
                await ready_broker(broker, BrokerSettings.load(nats_url=url))


async def test_a_user_who_may_not_make_streams(tmp_path: Path) -> None:
    users = 'authorization { users: [ { user: u, password: p, permissions: { publish: ["x"] } } ] }'
    async with ConfiguredNats(tmp_path / "nats", users) as server:
        told = await refusal(server, server.url.replace("nats://", "nats://u:p@"))

    assert "may the user of NATS_URL use $JS.API.>" in told
    assert ":p@" not in told


async def test_a_function_ends_with_one_line(tmp_path: Path) -> None:
    async with EmbeddedNats(tmp_path / "nats", max_store_bytes=1024**3) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime", "run", "gateway"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ
            | {"PYTHONPATH": str(Path(__file__).parents[2]), "NATS_URL": server.url, "PORT": "0"},
            cwd=tmp_path,
        )
        out, _ = await process.communicate()

    lines = out.decode().splitlines()
    assert process.returncode == 1
    assert [line for line in lines if "Traceback" in line] == []
    assert "can't start" in lines[-1]
    assert "EVENTS_STREAM_MAX_BYTES=4 GB" in lines[-1]


@asynccontextmanager
async def without_jetstream(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("nats-server")), "-a", "127.0.0.1"),
        *("-p", str(port), "-l", str(folder / "log")),
    )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()
