"""The metrics of the real broker and the real database."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from runtime.jetstream.broker_metrics import measure_broker, watch_broker_figures
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.tcp_ports import free_port
from runtime.local.supervisor.logins import Logins
from runtime.postgres.database_metrics import measure_database, watch_database_figures
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.schema.logins import login_of
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from runtime.telemetry.clocks import ServerClock
from runtime.telemetry.server_metrics import (
    BROKER_FIGURES,
    DATABASE_FIGURES,
    Measured,
    Sample,
    ServerFigure,
)
from tests.builders import a_row
from tests.contract.broker import a_broker

Shown = dict[tuple[str, ...], float]


def shown(samples: Iterable[Sample], figures: Iterable[ServerFigure]) -> Shown:
    """Read the samples of ``/metrics``: name and label values."""
    registry = CollectorRegistry()
    Measured(figures, registry).show(samples)
    return read(registry)


def read(registry: CollectorRegistry) -> Shown:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def unmeasured(found: Shown, figures: Iterable[ServerFigure]) -> set[str]:
    return {figure.name for figure in figures} - {name for name, *_ in found}


async def test_the_broker_is_told_with_all_its_figures(
    nats_url: str, nats_server: EmbeddedNats
) -> None:
    server = urlsplit(nats_server.monitoring_url).netloc
    limits = {"events_stream_max_bytes": 1024**3, "kept_stream_max_bytes": 1024**2}
    async with a_broker(nats_url, **limits, keep_settled_seconds=600) as broker:
        await broker.jetstream.publish("events.facebook", b"x" * 1000)
        await broker.jetstream.publish("kept.events.facebook", b"x" * 500)

        measured = await measure_broker(broker, [nats_server.monitoring_url], is_kept=True)
        found = shown(measured, BROKER_FIGURES)

    assert unmeasured(found, BROKER_FIGURES) == set()
    assert found["stream_messages", "EVENTS"] == 1
    assert 1000 < found["stream_bytes", "EVENTS"] < 1200
    assert found["stream_limit_bytes", "EVENTS"] == 1024**3
    assert 500 < found["kept_bytes",] < 700
    assert found["kept_limit_bytes",] == 1024**2
    assert 0 <= found["kept_reach_seconds",] < found["kept_wanted_seconds",] == 600
    assert found["broker_up", server] == 1
    assert found["broker_syncs_always", server] == 1
    assert found["broker_store_bytes", server] >= found["stream_bytes", "EVENTS"]
    assert found["broker_store_reserved_bytes", server] == 2 * 1024**3 + 1024**2
    assert found["broker_store_limit_bytes", server] == 64 * 1024**3
    assert found["broker_messages_total", server, "in"] > 0


async def test_a_monitoring_port_that_does_not_answer_is_down_and_the_streams_are_told(
    nats_url: str, nats_server: EmbeddedNats
) -> None:
    port = free_port()
    nobody = f"http://user:secret@127.0.0.1:{port}"
    async with a_broker(nats_url) as broker:
        found = shown(await measure_broker(broker, [nobody]), BROKER_FIGURES)
        other = f"{nats_server.monitoring_url}/healthz?"
        strange = shown(await measure_broker(broker, [other]), BROKER_FIGURES)

    assert found["broker_up", f"127.0.0.1:{port}"] == 0
    assert found["stream_messages", "EVENTS"] == 0
    assert {name for name, *_ in found if name.startswith("broker_")} == {"broker_up"}
    assert strange["broker_up", urlsplit(nats_server.monitoring_url).netloc] == 0


async def test_a_brokers_figures_disappear_once_it_does_not_answer(tmp_path: Path) -> None:
    registry, stop = CollectorRegistry(), asyncio.Event()
    measured = Measured(BROKER_FIGURES, registry)
    async with (
        EmbeddedNats(tmp_path / "nats") as server,
        a_broker(server.url, keep_settled_seconds=60) as broker,
    ):
        urls = [server.monitoring_url]
        watching = asyncio.create_task(
            watch_broker_figures(broker, urls, measured, stop, is_kept=True)
        )
        async with asyncio.timeout(10):
            while not read(registry):
                await asyncio.sleep(0.02)
        stop.set()
        await watching
        assert unmeasured(read(registry), BROKER_FIGURES) == set()
        nobody = f"http://127.0.0.1:{free_port()}"
        await broker.client.close()

        measured.show(await measure_broker(broker, [nobody], is_kept=True))

    assert read(registry) == {("broker_up", urlsplit(nobody).netloc): 0}


@pytest.fixture(params=["eps_reporter", "eps_operator"])
async def pool(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, database_url: str
) -> AsyncIterator[asyncpg.Pool]:
    """A pool with the given rights, over a database that a collector wrote to."""
    logins = Logins()
    await logins.make(database_url)
    writer = DatabaseSettings(database_url=SecretStr(database_url))
    async with opened(writer, "test") as writing:
        await PostgresEventStore(writing).store([a_row(), a_row()])
    async with opened(writer, "test") as counting:  # once the writer's own counts are in
        await counting.execute("ANALYZE")
    group = request.param
    url = postgres_server.url_for(login_of(group), logins.passwords[group])
    database = database_url.rpartition("/")[2]
    settings = DatabaseSettings(database_url=SecretStr(f"{url.rpartition('/')[0]}/{database}"))
    async with opened(settings, "test") as opened_pool:
        yield opened_pool


async def test_all_figures_of_the_database_are_exported(pool: asyncpg.Pool) -> None:
    found = shown(await measure_database(pool, pool, ServerClock("database")), DATABASE_FIGURES)

    assert unmeasured(found, DATABASE_FIGURES) == {  # nobody reported it
        "database_disk_bytes",
        "database_disk_days",
    }
    assert found["database_up",] == 1
    assert found["database_size_bytes",] > 1024**2
    assert found["database_connections",] >= 1
    assert found["database_connections_limit",] == 100
    assert found["database_live_rows", "events"] == 2
    assert found["database_dead_rows", "events"] == 0
    assert found["database_replica_lag_seconds",] == 0


async def test_an_old_transaction_shows_by_what_began_since(
    pool: asyncpg.Pool, database_url: str
) -> None:
    old, new = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    await old.execute("BEGIN; SELECT pg_current_xact_id()")
    for _ in range(20):
        await new.fetchval("SELECT pg_current_xact_id()")

    found = shown(await measure_database(pool, pool, ServerClock("database")), DATABASE_FIGURES)

    assert found["database_open_transactions_age",] >= 20
    await old.close()
    await new.close()


async def test_the_databases_limit_is_shown_even_if_it_is_down(
    pool: asyncpg.Pool,
) -> None:
    registry, stop = CollectorRegistry(), asyncio.Event()
    measured = Measured(DATABASE_FIGURES, registry)
    await pool.close()

    clock = ServerClock("database")
    watching = asyncio.create_task(
        watch_database_figures(pool, pool, 1024**3, measured, stop, clock=clock)
    )

    async with asyncio.timeout(10):
        while not read(registry):
            await asyncio.sleep(0.02)
    assert read(registry) == {("database_disk_bytes",): 1024**3, ("database_up",): 0}
    stop.set()
    await watching


def days_behind() -> datetime:
    return datetime.now(UTC) - timedelta(days=8)


async def test_clocks_of_the_servers_are_compared_with_the_function_s_own(
    nats_url: str, database_url: str
) -> None:
    async with a_broker(nats_url) as broker:
        broker.clock = ServerClock("broker", days_behind)
        await broker.check_stream("EVENTS")
        broker_days = round((broker.clock.seconds_ahead or 0.0) / 86_400, 1)
    clock = ServerClock("database", days_behind)
    async with opened(DatabaseSettings(database_url=SecretStr(database_url)), "test") as pool:
        ledger = PostgresLedger(pool, "facebook")
        ledger.clock = ServerClock("database", days_behind)

        await measure_database(pool, pool, clock)
        await ledger.balance()

    found = [round((it.seconds_ahead or 0.0) / 86_400, 1) for it in (clock, ledger.clock)]
    assert [broker_days, *found] == [8.0, 8.0, 8.0]
