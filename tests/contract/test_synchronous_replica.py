"""Data promised to be on a replica are acknowledged only when the replica has them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from functions.errors import Unavailable
from functions.messages import DeadLetter, EnvelopeOutcome
from functions.operator.handler import handle_discard
from functions.operator.replay import handle_replay
from runtime.bus.replaying import read_envelope
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.supervisor.logins import Logins
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.pool import opened
from runtime.postgres.schema.logins import login_of
from runtime.postgres.schema.migrate import migrate
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import a_facebook_event, a_letter, a_row, an_envelope, letters_of, raw
from tests.contract.broker import eventually
from tests.contract.replica import Replica

_PATIENCE_SECONDS = 0.5
"""The statement timeout here: each commit waits so long for an unreachable replica."""

_WARNS = """
    CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE WARNING 'an extension says something'; RETURN NULL; END$$;
    CREATE TRIGGER warns AFTER INSERT ON events EXECUTE FUNCTION warn();
"""
_COUNTS = (
    "SELECT count(*) FROM events",
    "SELECT count(*) FROM dead_letters",
    "SELECT count(*) FROM envelopes",
    "SELECT count(*) FROM ledger",
    "SELECT count(*) FROM dead_letter_history",
)

Work = Callable[[asyncpg.Pool], Awaitable[Any]]
"""Does something, and does nothing new if it is called again."""


class Pair:
    """A primary whose commits are promised to be on its replica."""

    def __init__(self, primary: EmbeddedPostgres, replica: Replica) -> None:
        self.primary = primary
        self.replica = replica
        self.logins = Logins()

    def pool(self, group: str) -> Any:
        """Hold a pool with a function's own role."""
        url = self.primary.url_for(login_of(group), self.logins.passwords[group])
        settings = DatabaseSettings(
            database_url=SecretStr(url),
            database_timeout_seconds=_PATIENCE_SECONDS,
            database_pool_size=1,
        )
        return opened(settings, "test")

    async def promise(self, standby: str) -> None:
        """Make commits wait for a standby; a missing one is like an unreachable one."""
        connection = await asyncpg.connect(self.primary.url)
        try:
            await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
            await connection.execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
            await connection.execute("SELECT pg_reload_conf()")
            await eventually(lambda: self._waits(connection, is_away=standby == "away"))
        finally:
            await connection.close()

    async def _waits(self, connection: asyncpg.Connection, *, is_away: bool) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await connection.execute("SELECT pg_logical_emit_message(true, 'test', '')")
        except TimeoutError:
            return is_away
        return not is_away


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="eps-synchronous-") as folder:
        async with EmbeddedPostgres(Path(folder) / "primary") as primary:
            await migrate(primary.url)
            async with Replica(Path(folder) / "replica", primary) as replica:
                pair = Pair(primary, replica)
                await pair.logins.make(primary.url)
                yield pair


@pytest.fixture
async def pair(running: Pair) -> AsyncIterator[Pair]:
    """The replica is down when a test begins, and up when it ends."""
    await running.promise("away")
    yield running
    await running.promise("*")


def settled() -> Work:
    outcomes = [EnvelopeOutcome(an_envelope(1), [a_row()])]
    return lambda pool: PostgresEventStore(pool).settle(outcomes)


def without_an_envelope() -> Work:
    rows = [a_row(), a_row()]
    return lambda pool: PostgresEventStore(pool).store(rows)


def kept() -> Work:
    outcomes = [letters_of(a_letter(), envelope=an_envelope(1, source=None, rejected=True))]
    return lambda pool: PostgresEventStore(pool).keep(outcomes)


def kept_without_an_envelope() -> Work:
    outcomes = [letters_of(a_letter())]
    return lambda pool: PostgresEventStore(pool).keep(outcomes)


def buried() -> Work:
    outcomes = [EnvelopeOutcome(None, (), [a_letter(reason="unreadable")], unread=True)]
    return lambda pool: PostgresEventStore(pool).settle(outcomes)


@pytest.mark.parametrize(
    "work", [settled, without_an_envelope, kept, kept_without_an_envelope, buried]
)
async def test_a_duplicate_is_acknowledged_only_when_the_replica_has_it(
    pair: Pair, work: Callable[[], Work]
) -> None:
    again = work()
    async with pair.pool("eps_collector") as pool:
        for _ in range(2):  # the first is canceled, and remains on the primary
            with pytest.raises(Unavailable):
                await again(pool)

        await pair.promise("*")
        stored = await again(pool)

    assert stored.new == 0
    assert await counted(pair.replica) == await counted(pair.primary)


async def counted(server: EmbeddedPostgres) -> list[int]:
    connection = await asyncpg.connect(server.url)
    try:
        return [await connection.fetchval(each) for each in _COUNTS]
    finally:
        await connection.close()


async def a_kept_letter(pair: Pair) -> DeadLetter:
    letter = a_letter(payload=raw(a_facebook_event()))
    await pair.promise("*")
    async with pair.pool("eps_collector") as pool:
        await PostgresEventStore(pool).keep([letters_of(letter)])
    await pair.promise("away")
    return letter


def replayed(letter: DeadLetter) -> Work:
    return lambda pool: handle_replay(
        [("id", str(letter.id))],
        letters=PostgresDeadLetters(pool),
        read_envelope=read_envelope,
        correlation_id="test",
    )


def discarded(letter: DeadLetter) -> Work:
    return lambda pool: handle_discard(
        [("id", str(letter.id))], letters=PostgresDeadLetters(pool), correlation_id="test"
    )


@pytest.mark.parametrize("work", [replayed, discarded])
async def test_what_an_operator_did_before_is_said_to_be_done_only_when_the_replica_has_it(
    pair: Pair, work: Callable[[DeadLetter], Work]
) -> None:
    again = work(await a_kept_letter(pair))
    async with pair.pool("eps_operator") as pool:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await again(pool)

        await pair.promise("*")
        await again(pool)

    assert await counted(pair.replica) == await counted(pair.primary)


async def test_another_warning_is_no_fault_of_a_commit(pair: Pair) -> None:
    await pair.promise("*")
    connection = await asyncpg.connect(pair.primary.url)
    await connection.execute(_WARNS)
    try:
        async with pair.pool("eps_collector") as pool:
            stored = await PostgresEventStore(pool).settle(
                [EnvelopeOutcome(an_envelope(1), [a_row()])]
            )
        assert stored.new == 1
    finally:
        await connection.execute("DROP TRIGGER warns ON events")
        await connection.close()


async def test_where_something_is_new_no_statement_is_added(pair: Pair) -> None:
    await pair.promise("*")
    said: list[str] = []
    outcomes = [EnvelopeOutcome(an_envelope(1), [a_row()])]
    async with pair.pool("eps_collector") as pool:
        async with pool.acquire() as connection:  # the only one
            connection.add_query_logger(lambda it: said.append(it.query))

        await PostgresEventStore(pool).settle(outcomes)
        assert not any("emit_message" in it for it in said)

        await PostgresEventStore(pool).settle(outcomes)
        assert any("emit_message" in it for it in said)
