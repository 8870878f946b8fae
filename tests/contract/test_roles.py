"""Each group role of the database has exactly the rights that its function needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from functions.errors import Unavailable
from functions.messages import Announcement, Backlog, EnvelopeOutcome
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.supervisor.logins import Logins
from runtime.postgres import sql
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.schema.logins import login_of, make_logins
from runtime.postgres.schema.migrate import ensure_schema, migrate
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings, ReporterSettings
from runtime.wiring.reporter import reporter
from tests.builders import a_letter, a_row, a_sale, an_envelope, letters_of
from tests.truth.recomputation import differences

QUERIES = sorted(Path(sql.__file__).parents[1].rglob("queries/*.sql"))


class Roles:
    """A migrated database, and a pool for each group role."""

    def __init__(self, server: EmbeddedPostgres, database: str) -> None:
        self._server = server
        self._database = database
        self.logins = Logins()

    def url_of(self, group: str) -> str:
        url = self._server.url_for(login_of(group), self.logins.passwords[group])
        return f"{url.rpartition('/')[0]}/{self._database}"


@pytest.fixture
async def roles(postgres_server: EmbeddedPostgres, database_url: str) -> Roles:
    roles = Roles(postgres_server, database_url.rpartition("/")[2])
    await roles.logins.make(database_url)
    return roles


@pytest.fixture
async def collector(roles: Roles) -> AsyncIterator[asyncpg.Pool]:
    settings = DatabaseSettings(database_url=SecretStr(roles.url_of("eps_collector")))
    async with opened(settings, "test") as pool:
        yield pool


@pytest.fixture
async def readers(roles: Roles) -> AsyncIterator[asyncpg.Pool]:
    settings = DatabaseSettings(database_url=SecretStr(roles.url_of("eps_reporter")))
    async with opened(settings, "test") as pool:
        yield pool


@pytest.fixture
async def operators(roles: Roles) -> AsyncIterator[asyncpg.Pool]:
    settings = DatabaseSettings(database_url=SecretStr(roles.url_of("eps_operator")))
    async with opened(settings, "test") as pool:
        yield pool


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=SecretStr(database_url)), "test") as pool:
        yield pool


async def test_a_collector_stores_all_that_it_should(
    collector: asyncpg.Pool, database_url: str
) -> None:
    store = PostgresEventStore(collector)
    rows = [a_row(), a_sale("12.50"), a_row()]

    await store.store(rows)
    await store.store([*rows, a_sale("1.00")])
    await store.keep([letters_of(a_letter(), envelope=an_envelope(1, rejected=True))])

    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM events") == 4
    assert await connection.fetchval("SELECT count(*) FROM dead_letters") == 1
    assert await differences(connection.fetch) == {}
    await connection.close()


async def test_a_collector_keeps_the_ledger_and_forgets_what_needs_no_watching(
    collector: asyncpg.Pool, database_url: str
) -> None:
    now = datetime.now(UTC)
    settled = an_envelope(1)
    teller = an_envelope(1, announced=[Announcement(settled.id, now, 1, 1)])
    connection = await asyncpg.connect(database_url)

    await PostgresEventStore(collector).settle([EnvelopeOutcome(teller, [a_row()])])
    await PostgresEventStore(collector).settle([EnvelopeOutcome(settled, [a_row()])])
    await connection.execute("UPDATE envelopes SET settled_at = now() - interval '8 days'")
    missed = await PostgresLedger(collector, "facebook").note(Backlog("x", now, 0, None, 3))

    assert missed == 0
    assert await connection.fetchval("SELECT sum(stored) FROM ledger") == 2
    assert await connection.fetchval("SELECT count(*) FROM announced_envelopes") == 0
    assert await connection.fetchval("SELECT count(*) FROM envelopes") == 0
    await connection.close()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
async def test_every_role_may_run_its_statements(
    query: Path,
    collector: asyncpg.Pool,
    readers: asyncpg.Pool,
    operators: asyncpg.Pool,
    owner: asyncpg.Pool,
) -> None:
    if query.stem.startswith(("archive_", "drop_", "move_", "erase_", "erasure_done")):
        pool = owner  # the role that archives events and erases users
    elif query.stem.startswith(("letter", "trail_", "database_", "events_page")):
        pool = operators
    else:
        pool = readers if query.stem.startswith("report_") else collector
    async with pool.acquire() as connection:
        statement = await connection.prepare(sql.load(str(query.parent), query.stem))

        with suppress(asyncpg.NotNullViolationError):  # rights are checked before values
            await statement.fetch(*[None] * len(statement.get_parameters()))


FORBIDDEN_TO_ALL = [
    "CREATE TABLE mine (a int)",
    "DROP TABLE events",
    "TRUNCATE dead_letters",
    "DELETE FROM events",
    "UPDATE retention SET kept_from = now()",
    "UPDATE archived_days SET dropped_until = now()",
    "DELETE FROM archived_days",
    "DELETE FROM dead_letters",
    "DELETE FROM ledger",
    "UPDATE envelopes SET settled_at = now()",
    "INSERT INTO second_horizon VALUES (now())",
    "UPDATE announced_envelopes SET events = 0",
    "UPDATE events SET block = block",
    "UPDATE payload_blocks SET data = data",
    "DELETE FROM payload_blocks",
    "UPDATE arrivals SET block = block",
    "DELETE FROM arrivals",
    "UPDATE dead_letters SET payload = payload",
    "ALTER TABLE events ADD COLUMN more int",
    "UPDATE schema_migrations SET digest = ''",
    "CREATE ROLE another",
    "GRANT eps_migrator TO CURRENT_USER",
    "SET ROLE eps_migrator",
    "SELECT * FROM pg_authid",
    "COPY events TO PROGRAM 'cat'",
]
FORBIDDEN_TO_REPORTERS = [
    "INSERT INTO campaigns DEFAULT VALUES",
    "UPDATE users SET first_at = first_at",
    "SELECT * FROM users FOR UPDATE",
]
FORBIDDEN_TO_ALL_BUT_COLLECTORS = [
    "DELETE FROM envelopes",
    "DELETE FROM announced_envelopes",
    "DELETE FROM second_rollups",
    "UPDATE second_horizon SET complete_from = now()",
    "UPDATE ledger SET stored = 0",
    "INSERT INTO envelopes (id) VALUES (gen_random_uuid())",
]


@pytest.mark.parametrize("statement", FORBIDDEN_TO_ALL)
async def test_the_rest_is_refused_to_a_collector(statement: str, collector: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await collector.execute(statement)


@pytest.mark.parametrize(
    "statement", FORBIDDEN_TO_ALL + FORBIDDEN_TO_ALL_BUT_COLLECTORS + FORBIDDEN_TO_REPORTERS
)
async def test_the_rest_is_refused_to_a_reporter(statement: str, readers: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await readers.execute(statement)


@pytest.mark.parametrize("statement", FORBIDDEN_TO_ALL + FORBIDDEN_TO_ALL_BUT_COLLECTORS)
async def test_the_rest_is_refused_to_an_operator(statement: str, operators: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await operators.execute(statement)


async def test_a_new_password_ends_the_old_one(roles: Roles, database_url: str) -> None:
    old = roles.url_of("eps_reporter")
    await Logins().make(database_url)

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old)


@pytest.fixture
async def empty(postgres_server: EmbeddedPostgres) -> AsyncIterator[Roles]:
    """A database without a schema."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.url_of("postgres"))
    await connection.execute(f"CREATE DATABASE {name}")
    roles = Roles(postgres_server, name)
    await roles.logins.make(postgres_server.url_of("postgres"))
    yield roles
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.mark.usefixtures("migrated_template")
async def test_a_role_that_may_not_migrate_waits_until_the_schema_is_current(
    empty: Roles, postgres_server: EmbeddedPostgres
) -> None:
    url = empty.url_of("eps_reporter")
    with pytest.raises(Unavailable, match="eps migrate"):
        await ensure_schema(url, 0)

    waiting = asyncio.create_task(ensure_schema(url, 30))
    await migrate(postgres_server.url_of(url.rpartition("/")[2]))

    await waiting


async def test_a_reporter_starts_with_its_own_rights(roles: Roles) -> None:
    settings = ReporterSettings(database_url=SecretStr(roles.url_of("eps_reporter")))
    async with reporter(settings) as unit:
        assert (await unit.health.readiness())[0]


@pytest.mark.usefixtures("migrated_template")
async def test_a_migrator_brings_a_database_up_to_date_and_grants(
    empty: Roles, postgres_server: EmbeddedPostgres
) -> None:
    database = empty.url_of("eps_reporter").rpartition("/")[2]
    connection = await asyncpg.connect(postgres_server.url_of(database))
    await connection.execute("DROP ROLE IF EXISTS migrates")
    await connection.execute("CREATE ROLE migrates LOGIN PASSWORD 'm' IN ROLE eps_migrator")
    await connection.execute("ALTER ROLE migrates SET role = 'eps_migrator'")
    await connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO eps_migrator")
    url = postgres_server.url_for("migrates", "m").rpartition("/")[0]

    assert await migrate(f"{url}/{database}")
    assert await migrate(f"{url}/{database}") == []

    reading = await asyncpg.connect(empty.url_of("eps_reporter"))
    assert await reading.fetchval("SELECT count(*) FROM events") == 0
    await reading.close()
    await connection.close()


async def test_a_login_has_the_password_that_it_was_given_last(
    postgres_server: EmbeddedPostgres, roles: Roles, database_url: str
) -> None:
    odd = "it's \\ odd $$"
    name = login_of("eps_reporter")

    await make_logins(database_url, {"eps_reporter": "first"})
    await make_logins(database_url, {"eps_reporter": odd})

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres_server.url_for(name, "first"))
    connection = await asyncpg.connect(postgres_server.url_for(name, odd))
    assert await connection.fetchval("SELECT pg_has_role(current_user, 'eps_reporter', 'member')")
    await connection.close()
    await roles.logins.make(database_url)
