"""`eps up` with your own database or broker, and its messages about other settings."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime.cli.health import check_health
from runtime.jetstream.connection import connected
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.tcp_ports import free_port
from tests.e2e.test_supervisor import Supervised
from tests.e2e.whole_system import WholeSystem, by_kind, publish

_NOWHERE = f"postgresql://me:a-secret@127.0.0.1:{free_port()}/mine"


@pytest.fixture
async def system() -> AsyncIterator[Supervised]:
    with tempfile.TemporaryDirectory(prefix="eps-own-") as folder:
        supervised = Supervised(Path(folder))
        yield supervised
        await supervised.end()


async def test_events_go_through_own_servers_and_none_is_started(
    database_url: str, nats_url: str, tmp_path: Path
) -> None:
    system = WholeSystem(tmp_path / "data", DATABASE_URL=database_url, NATS_URL=nats_url)
    await system.start()
    try:
        sent = await publish(
            system.url_of("gateway"), "--requests", "2", "--min", "5", "--max", "9"
        )
        await system.drained()
        report = await system.ask("/reports/events")
        health = await check_health(tmp_path / "data")
        async with connected(nats_url, "operator", 5) as broker:
            streams = {stream.config.name for stream in await broker.jetstream.streams_info()}
    finally:
        code = await system.stop()

    assert code == 0
    assert by_kind(report["events"]) == sent.by_kind
    assert health.ok
    assert streams >= {EVENTS, DEAD_LETTERS}
    assert {file.name for file in (tmp_path / "data").iterdir()}.isdisjoint({"nats", "postgres"})
    secrets = (tmp_path / "data" / "secrets.env").read_text()
    assert re.findall(r"^(\w+)=", secrets, re.MULTILINE) == ["USER_KEY_PEPPER"]


async def test_a_file_of_settings_is_heeded_and_what_is_wrong_in_it_told(
    system: Supervised, postgres_server: EmbeddedPostgres, database_url: str
) -> None:
    folder = system.data_dir.parent
    (folder / ".env").write_text(
        f"DATABASE_URL={database_url}\nLOG_LEVL=debug\nPORT=9999\n"
        "INGEST_API_KEYES=a-secret\nPOSTGRES_PASSWORD=another-secret\n"
    )

    await system.start("gateway")
    await system.ready()

    host = urlsplit(database_url)
    own = f"postgresql://postgres@{host.hostname}:{host.port}{host.path}"
    assert system.said(f"using the database of DATABASE_URL, {own}; no embedded one is started")
    assert system.said("LOG_LEVL in .env is not a setting; did you mean LOG_LEVEL?")
    assert system.said("INGEST_API_KEYES in .env is not a setting; did you mean INGEST_API_KEYS?")
    assert system.said("PORT is not used by `eps up`: each function has its own port")
    assert system.said("POSTGRES_PASSWORD is not used by `eps up`: DATABASE_URL has the password")
    assert not system.said("-secret")
    assert not system.said(database_url)
    assert not (system.data_dir / "postgres").exists()
    assert (system.data_dir / "nats").exists()
    assert postgres_server.url not in system.secrets.read_text()


async def test_an_own_database_leaves_the_password_of_the_embedded_one(
    system: Supervised, database_url: str
) -> None:
    for settings in ({}, {"DATABASE_URL": database_url}, {}):
        await system.start("gateway", **settings)
        await system.ready()
        await system.end()

    assert system.secrets.read_text().count("\nDATABASE_URL=") == 1


async def test_an_own_database_that_does_not_answer_is_told(system: Supervised) -> None:
    await system.start("gateway", DATABASE_URL=_NOWHERE, STARTUP_TIMEOUT_SECONDS="0.5")

    assert await system.exit_code() == 1
    shown = _NOWHERE.replace(":a-secret", "")
    assert system.said(f"DATABASE_URL, {shown}, was not ready within 0.5 s")
    assert not system.said("a-secret")


async def test_a_refusal_of_your_own_database_is_reported_at_once(
    system: Supervised, database_url: str
) -> None:
    wrong = database_url.replace("//postgres:postgres@", "//postgres:a-secret@")

    await system.start("gateway", DATABASE_URL=wrong)

    assert await system.exit_code() == 1
    assert system.said("can't be used: password authentication failed")
    assert not system.said("a-secret")


async def test_a_silent_broker_of_your_own_is_reported(system: Supervised) -> None:
    url = f"nats://me:a-secret@127.0.0.1:{free_port()},nats://a-token@127.0.0.1:{free_port()}"

    await system.start("gateway", NATS_URL=url, STARTUP_TIMEOUT_SECONDS="0.5")

    assert await system.exit_code() == 1
    assert system.said("NATS_URL, nats://me@127.0.0.1:")
    assert not system.said("a-secret")
    assert not system.said("a-token")


def test_every_wrong_setting_is_reported_in_one_message(tmp_path: Path) -> None:
    wrong = {
        "GATEWAY_PORT": "99999",
        "LOG_LEVEL": "trace",
        "BODY_SIZE_LIMIT": "50mib",
        "DATABASE_TIMEOUT_SECONDS": "-1",
        "DATABASE_URL": "mysql://me:a-secret@there",
        "NATS_URL": "amqp://a-secret@there",
        "DISK_RESERVE_BYTES": "much",
        "ENVIRONMENT": "testing",
        "GATEWAY_PROT": "3001",
    }

    result = subprocess.run(
        [sys.executable, "-m", "runtime", "up", "--data", str(tmp_path / "data")],
        cwd=tmp_path,
        env={**os.environ, **wrong},
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    told = [line.strip().split(":")[0] for line in result.stderr.splitlines() if "  " in line]
    assert told == sorted(wrong.keys() - {"GATEWAY_PROT"})
    assert "GATEWAY_PROT in the environment is not a setting" in result.stderr
    assert "a-secret" not in result.stderr
    assert not (tmp_path / "data").exists()


async def test_a_copied_example_starts_everything(system: Supervised) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    (system.data_dir.parent / ".env").write_bytes(example.read_bytes())

    await system.start("gateway")
    await system.ready()

    assert {"nats", "postgres", "gateway", "publisher"} == system.processes.keys()
    assert not system.said("is not a setting")
    assert await asyncio.to_thread((system.data_dir / "postgres" / "cluster").is_dir)
