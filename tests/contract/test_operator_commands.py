"""The operator's commands report in one line, at once, that a server is down or frozen."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from functions.messages import Backlog
from runtime.jetstream.connection import connected
from runtime.jetstream.streams import CONSUMERS, ensure_consumer, ensure_streams
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.postgres.ledger import PostgresLedger
from runtime.settings import BrokerSettings

_SOON_SECONDS = 12
"""Much less than the 30 s that a function waits for a server when it starts, and much
more than a command takes on a busy machine."""

_DATABASE = ["ledger"], ["dead-letters", "summary"], ["dead-letters", "list"]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Hold a port that accepts connections and never answers, like a frozen server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def eps(*arguments: str, folder: Path, **environment: str) -> tuple[int | None, str, str]:
    """Run a command; returns its exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parents[2]), "DATA_DIR": str(folder)}
        | environment,
        cwd=folder,
    )
    try:
        async with asyncio.timeout(_SOON_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("command", _DATABASE, ids=" ".join)
async def test_a_database_that_refuses_is_said_in_a_line(
    command: list[str], closed_port: int, tmp_path: Path
) -> None:
    url = f"postgresql://eps:secret@127.0.0.1:{closed_port}/eventdb"

    told = await eps(*command, folder=tmp_path, DATABASE_URL=url)

    where = f"postgresql://eps@127.0.0.1:{closed_port}/eventdb"
    assert told == (3, "", f"the database at {where} can't be reached: connection refused\n")


@pytest.mark.parametrize("command", _DATABASE, ids=" ".join)
async def test_a_database_that_is_silent_is_said_in_a_line(
    command: list[str], silent_port: int, tmp_path: Path
) -> None:
    url = f"postgresql://eps:secret@127.0.0.1:{silent_port}/eventdb"

    told = await eps(*command, folder=tmp_path, DATABASE_URL=url)

    where = f"postgresql://eps@127.0.0.1:{silent_port}/eventdb"
    assert told == (3, "", f"the database at {where} can't be reached: no answer within 1.5 s\n")


@pytest.mark.parametrize("command", ["status", "make", "clear"])
async def test_a_broker_that_refuses_is_said_in_a_line(
    command: str, closed_port: int, tmp_path: Path
) -> None:
    url = f"nats://operator:secret@127.0.0.1:{closed_port}"

    told = await eps("broker", command, folder=tmp_path, NATS_URL=url)

    where = f"nats://operator@127.0.0.1:{closed_port}"
    assert told == (3, "", f"the broker at {where} can't be reached: connection refused\n")


async def test_a_broker_that_is_silent_is_said_in_a_line(silent_port: int, tmp_path: Path) -> None:
    url = f"nats://127.0.0.1:{silent_port}"

    told = await eps("broker", "status", folder=tmp_path, NATS_URL=url)

    assert told == (3, "", f"the broker at {url} can't be reached: no answer within 1.5 s\n")


async def test_of_several_brokers_all_are_tried(
    closed_port: int, nats_server: EmbeddedNats, nats_url: str, tmp_path: Path
) -> None:
    del nats_server
    url = f"nats://127.0.0.1:{closed_port},{nats_url}"

    code, out, err = await eps("broker", "status", folder=tmp_path, NATS_URL=url)

    assert (code, out) == (1, "")
    assert err == "Error: missing: DEAD_LETTERS, EVENTS\n"


async def test_a_frozen_broker_is_said_in_a_line(tmp_path: Path) -> None:
    async with EmbeddedNats(tmp_path / "nats") as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            told = await eps("broker", "status", folder=tmp_path, NATS_URL=server.url)
        finally:
            os.kill(server.pid, signal.SIGCONT)

    where = f"nats://{server.url.rpartition('@')[2]}"
    assert told[:2] == (3, "")
    assert told[2].startswith("the broker at ")
    assert told[2].endswith(
        f"{where.removeprefix('nats://')} can't be reached: no answer within 1.5 s\n"
    )


@pytest.fixture
async def measured(database_url: str, nats_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Run a system whose collectors have measured just now, and then never again."""
    async with (
        connected(nats_url, "operator", 10.0) as broker,
        asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool,
    ):
        settings = BrokerSettings.load(nats_url=nats_url)
        await ensure_streams(broker.jetstream, settings)
        for consumer in CONSUMERS:
            await ensure_consumer(broker.jetstream, consumer, 3.0)
        for name, source in (
            ("fb-collector", "facebook"),
            ("ttk-collector", "tiktok"),
            ("dead-letters", None),
        ):
            ledger = PostgresLedger(pool, source)  # type: ignore[arg-type]
            await ledger.note(Backlog(name, datetime.now(UTC), 0, None, 1))
        yield pool


async def test_the_ledger_asks_the_broker_and_is_even(
    measured: asyncpg.Pool, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    del measured

    code, out, err = await eps(
        "ledger", folder=tmp_path, DATABASE_URL=database_url, NATS_URL=nats_url
    )

    assert (code, err) == (0, "")
    assert (
        "fb-collector: 0 messages waiting, the oldest 0.0 s old, according to the broker at" in out
    )


async def test_the_ledger_of_a_collector_that_stands_still_is_not_even(
    measured: asyncpg.Pool, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    await _pass(measured, "fb-collector", 118)
    async with connected(nats_url, "gateway", 10.0) as broker:
        await broker.jetstream.publish("events.facebook", b"waits")

    alone = await eps("ledger", folder=tmp_path, DATABASE_URL=database_url)
    both = await eps("ledger", folder=tmp_path, DATABASE_URL=database_url, NATS_URL=nats_url)

    for code, out, err in (alone, both):
        assert (code, err) == (3, "")
        last = out.splitlines()[-1]
        assert last.startswith("fb-collector has not measured its backlog for 1")
        assert last.endswith(" s; is it running?")
    assert "fb-collector: 1 messages waiting" in both[1]
    assert "fb-collector: 0 messages waiting" in alone[1]


async def test_the_ledger_says_that_the_broker_is_unreachable(
    measured: asyncpg.Pool, database_url: str, closed_port: int, tmp_path: Path
) -> None:
    del measured
    url = f"nats://127.0.0.1:{closed_port}"

    code, _, err = await eps("ledger", folder=tmp_path, DATABASE_URL=database_url, NATS_URL=url)

    assert (code, err) == (3, f"the broker at {url} can't be reached: connection refused\n")


async def test_a_day_before_the_last_hour_that_is_not_even_is_shown(
    measured: asyncpg.Pool, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    old = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=3)
    await measured.execute(
        "INSERT INTO ledger (minute, source, instance, rejected, counted, stored, duplicates, dead)"
        " VALUES ($1, 'facebook', $2, false, 5, 3, 0, 0)",
        *(old, bytes(16).hex()),
    )
    urls = {"DATABASE_URL": database_url, "NATS_URL": nats_url}

    code, out, _ = await eps("ledger", folder=tmp_path, **urls)
    quick, _, _ = await eps("ledger", "--quick", folder=tmp_path, **urls)

    assert (code, quick) == (1, 0)
    assert f"{old:%Y-%m-%d}, all day" in out


async def _pass(pool: asyncpg.Pool, consumer: str, seconds: float) -> None:
    """Let a collector's last measurement be so long ago."""
    await pool.execute(
        "UPDATE backlogs SET noted_at = clock_timestamp() - $2::float8 * interval '1 second'"
        " WHERE consumer = $1",
        *(consumer, seconds),
    )
