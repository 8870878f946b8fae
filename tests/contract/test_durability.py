"""The gateway's statement about a 202, according to real brokers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from functions.errors import Unavailable
from runtime.jetstream.connection import connected
from runtime.jetstream.durability import Durability
from runtime.jetstream.streams import EVENTS, ensure_streams
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.process import Program
from runtime.local.embedded.tcp_ports import free_port
from runtime.settings import BadSettings, BrokerSettings, GatewaySettings
from runtime.wiring.gateway import gateway


class LaxNats(EmbeddedNats):
    """A broker that syncs as NATS does by default, or as configured."""

    def __init__(self, data_dir: Path, sync: str) -> None:
        super().__init__(data_dir)
        self._sync = sync

    def program(self) -> Program:
        program = super().program()
        configuration = self.data_dir / "lax.conf"
        configuration.write_text(f"jetstream {{ store_dir: {self.data_dir}\n{self._sync} }}")
        command = [*program.command]
        command[command.index("-c") + 1] = str(configuration)
        return Program(command=command)


@pytest.fixture(params=[("", "2m"), ("sync_interval: 10s", "10s"), ("sync_interval: 90s", "90s")])
async def lax(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[EmbeddedNats, str]]:
    sync, length = request.param
    async with LaxNats(tmp_path / "nats", sync) as server:
        yield server, length


async def _meaning(*urls: str) -> str:
    durability = Durability(urls)
    await durability.ask()
    return durability.meaning


async def test_a_broker_that_always_syncs_means_disk(nats_server: EmbeddedNats) -> None:
    assert await _meaning(nats_server.monitoring_url) == "disk"
    assert await _meaning(f"{nats_server.monitoring_url}/") == "disk"


async def test_one_that_does_not_says_how_long_it_keeps_in_memory(
    lax: tuple[EmbeddedNats, str], nats_server: EmbeddedNats
) -> None:
    server, length = lax

    assert await _meaning(server.monitoring_url) == f"memory up to {length}"
    assert await _meaning(nats_server.monitoring_url, server.monitoring_url) == (
        f"memory up to {length}"
    )


async def test_what_does_not_tell_is_unknown(nats_server: EmbeddedNats) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"

    assert await _meaning() == "unknown"
    assert await _meaning(nobody) == "unknown"
    assert await _meaning(nats_server.monitoring_url, nobody) == "unknown"
    assert await _meaning(f"{nats_server.monitoring_url}/nowhere") == "unknown"


async def test_the_log_says_it_once_and_loudly_where_it_is_not_disk(
    nats_server: EmbeddedNats,
) -> None:
    with capture_logs() as logged:
        for urls in ([nats_server.monitoring_url], []):
            durability = Durability(urls)
            await durability.ask()
            await durability.ask()

    said = [(line["log_level"], line["durability"]) for line in logged]
    assert said == [("info", "disk"), ("warning", "unknown")]


async def test_watching_ends_when_told(nats_server: EmbeddedNats) -> None:
    stop = asyncio.Event()
    stop.set()

    await Durability([nats_server.monitoring_url]).watch(stop)


@pytest.mark.parametrize("is_told", [True, False])
async def test_readiness_says_it(
    is_told: bool,  # noqa: FBT001 - a case
    nats_url: str,
    nats_server: EmbeddedNats,
) -> None:
    settings = GatewaySettings(
        nats_url=SecretStr(nats_url),
        nats_monitoring_url=nats_server.monitoring_url if is_told else None,
    )
    async with gateway(settings) as unit:
        transport = httpx.ASGITransport(unit.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/health/ready")

    assert answer.status_code == 200
    ready = answer.json()
    assert isinstance(ready.pop("brokerClockSeconds"), float)
    assert ready == {
        "status": "ready",
        "checks": {"nats": "ok"},
        "durability": "disk" if is_told else "unknown",
        "refusals": 0,
    }


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1")
    monkeypatch.setenv("NATS_MONITORING_URL", "http://127.0.0.1:8222,nats://127.0.0.1")

    with pytest.raises(BadSettings, match="NATS_MONITORING_URL"):
        GatewaySettings.load()


async def test_a_broker_known_to_be_down_causes_no_warning(tmp_path: Path) -> None:
    async with (
        EmbeddedNats(tmp_path / "nats") as server,
        connected(server.url, "gateway", 10.0) as broker,
    ):
        await ensure_streams(broker.jetstream, BrokerSettings.load(nats_url=server.url))
        check = partial(broker.check_stream, EVENTS)
        durability = Durability([server.monitoring_url], check)
        await durability.ask()
        with frozen(server.pid), capture_logs() as logged:
            await durability.ask()
            with pytest.raises(
                Unavailable, match="the broker can't be reached: stream EVENTS: no answer"
            ):
                await check()

        assert [line for line in logged if "202" in line["event"]] == []
        assert durability.meaning == "disk"


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process while the context is open."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
