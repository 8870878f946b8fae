"""The reporter on a real replica: it reads reports there, and changes data on the primary."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from functions.errors import Unavailable
from functions.messages import EnvelopeOutcome, Stored
from functions.operator.ports import LetterFilter
from functions.parameters import Period
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.postgres.database_metrics import REPORT_LAG
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.pool import opened
from runtime.postgres.schema.migrate import ensure_schema, migrate
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings, ReporterSettings
from runtime.wiring.reporter import reporter
from runtime.wiring.running import RunningFunction
from tests.builders import a_facebook_event, a_letter, a_row, an_envelope, letters_of, raw
from tests.contract.broker import eventually
from tests.contract.replica import Replica

EVENTS = "/reports/events"


@dataclass(frozen=True)
class Pair:
    """A primary and its replica."""

    primary: EmbeddedPostgres
    replica: Replica

    async def fetchval(self, server: EmbeddedPostgres, query: str) -> Any:
        connection = await asyncpg.connect(server.url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def store(self, *letters: Any, events: int = 1) -> None:
        """Store new events, and dead letters, on the primary."""
        async with opened(DatabaseSettings(database_url=SecretStr(self.primary.url)), "t") as pool:
            store = PostgresEventStore(pool)
            await store.store([a_row() for _ in range(events)])
            await store.keep([letters_of(*letters)])

    async def follows(self) -> None:
        """Wait until the replica has all that the primary has."""
        end = await self.fetchval(self.primary, "SELECT pg_current_wal_lsn()::text")
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
        await eventually(lambda: self.fetchval(self.replica, reached))

    async def configure(self, name: str, value: str) -> None:
        """Return the primary a setting, and wait until its sessions have it."""
        connection = await asyncpg.connect(self.primary.url)
        try:
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        await eventually(lambda: self._has(name, value))

    async def _has(self, name: str, value: str) -> bool:
        return bool(await self.fetchval(self.primary, f"SHOW {name}") == value)

    def settings(self, **more: Any) -> ReporterSettings:
        return ReporterSettings(
            database_url=SecretStr(self.primary.url),
            reporter_database_url=SecretStr(self.replica.url),
            **more,
        )


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="eps-replica-") as folder:
        async with EmbeddedPostgres(Path(folder) / "primary") as primary:
            await migrate(primary.url)
            async with Replica(Path(folder) / "replica", primary) as replica:
                yield Pair(primary, replica)


def asking(unit: RunningFunction) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(unit.app), base_url="http://localhost")


async def total(client: httpx.AsyncClient) -> int:
    answer = await client.get(EVENTS)
    assert answer.status_code == httpx.codes.OK
    return int(answer.json()["totalEvents"])


async def test_reports_are_read_from_the_replica_as_far_as_it_is(pair: Pair) -> None:
    async with reporter(pair.settings()) as unit, asking(unit) as client:
        await pair.follows()
        before = await total(client)
        await pair.fetchval(pair.replica, "SELECT pg_wal_replay_pause()")
        try:
            await pair.store(events=3)
            assert await total(client) == before
            await eventually(lambda: lags(pair))
            assert (await unit.health.readiness())[0]
        finally:
            await pair.fetchval(pair.replica, "SELECT pg_wal_replay_resume()")

        await pair.follows()
        assert await total(client) == before + 3
        assert await pair.fetchval(pair.replica, REPORT_LAG) == 0


async def lags(pair: Pair) -> bool:
    return bool(await pair.fetchval(pair.replica, REPORT_LAG) > 0)


async def test_a_replay_goes_to_the_primary(pair: Pair) -> None:
    letter = a_letter(payload=raw(a_facebook_event()))
    await pair.store(letter, events=0)
    async with reporter(pair.settings()) as unit, asking(unit) as client:
        answer = await client.post(f"/dead-letters/replay?id={letter.id}")
        assert answer.json()["stored"] == 1
        await pair.follows()
        assert await total(client) > 0


async def test_a_replica_whose_primary_can_not_be_reached_lags(pair: Pair) -> None:
    await pair.store()
    await pair.follows()
    configured = await pair.fetchval(pair.replica, "SHOW primary_conninfo")
    connection = await asyncpg.connect(pair.replica.url)
    try:
        await connection.execute("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
        await connection.execute("SELECT pg_reload_conf()")
        await eventually(lambda: lags(pair))
    finally:
        await connection.execute(f"ALTER SYSTEM SET primary_conninfo = '{quoted(configured)}'")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
    await pair.follows()


@asynccontextmanager
async def waited_for(pair: Pair) -> AsyncIterator[PostgresEventStore]:
    """Make commits wait for a frozen replica; they give up after a second."""
    await pair.configure("synchronous_standby_names", "*")
    await pair.configure("synchronous_commit", "remote_apply")
    await pair.follows()
    await pair.fetchval(pair.replica, "SELECT pg_wal_replay_pause()")
    try:
        settings = DatabaseSettings(
            database_url=SecretStr(pair.primary.url), database_timeout_seconds=1
        )
        async with opened(settings, "waiting") as pool:
            yield PostgresEventStore(pool)
    finally:
        await pair.fetchval(pair.replica, "SELECT pg_wal_replay_resume()")
        await pair.configure("synchronous_standby_names", "")
        await pair.configure("synchronous_commit", "on")


async def test_events_that_no_replica_has_are_not_reported_however_often_redelivered(
    pair: Pair,
) -> None:
    outcome = EnvelopeOutcome(an_envelope(1), [a_row()])
    letters = letters_of(a_letter(), envelope=an_envelope(1, rejected=True))
    uncounted = [a_row()]
    async with waited_for(pair) as store:
        for _ in range(2):  # the first time it is stored on the primary, in spite of the error
            with pytest.raises(Unavailable):
                await store.settle([outcome])
            with pytest.raises(Unavailable):
                await store.keep([letters])
            with pytest.raises(Unavailable):
                await store.store(uncounted)

        await pair.fetchval(pair.replica, "SELECT pg_wal_replay_resume()")

        assert await store.settle([outcome]) == Stored(new=0, duplicates=1)
        assert await store.keep([letters]) == Stored(new=0, duplicates=1)
        assert await store.store(uncounted) == Stored(new=0, duplicates=1)


async def test_an_operator_does_not_see_events_that_no_replica_has(pair: Pair) -> None:
    letter = a_letter()
    await pair.store(letter, events=0)
    async with waited_for(pair):
        settings = DatabaseSettings(
            database_url=SecretStr(pair.primary.url), database_timeout_seconds=1
        )
        async with opened(settings, "operator") as pool:
            letters, wanted = (
                PostgresDeadLetters(pool),
                LetterFilter(Period(None, None), id=letter.id),
            )
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await letters.discard(wanted, correlation_id="x", dry_run=False)
            assert await letters.discard(wanted, correlation_id="x", dry_run=True) == 0


async def test_a_wait_that_somebody_cancels_is_no_success(pair: Pair) -> None:
    async with waited_for(pair) as store:
        storing = asyncio.create_task(store.store([a_row()]))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        await eventually(lambda: pair.fetchval(pair.primary, waiting))

        cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        await pair.fetchval(pair.primary, cancel)

        with pytest.raises(Unavailable, match="have not confirmed"):
            await storing


def quoted(text: str) -> str:
    return text.replace("'", "''")


async def test_a_replica_waits_for_the_schema_of_its_primary(pair: Pair) -> None:
    await pair.fetchval(pair.primary, "CREATE DATABASE empty")
    await pair.follows()

    with pytest.raises(Unavailable, match="the schema is out of date"):
        await ensure_schema(pair.replica.url_of("empty"), 0)
