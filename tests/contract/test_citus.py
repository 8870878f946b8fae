"""`eps migrate --distribute`, and what is stored and reported afterwards.

On a stand-in, which has one server (tests/doubles/citus), and on a real cluster where
CITUS_DATABASE_URL names one.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import asyncpg
import pytest
from click.testing import CliRunner, Result

from runtime.cli.migrate import migrate as command
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.postgres.pool import opened
from runtime.postgres.schema.distribution import DISTRIBUTED, WHOLE
from runtime.postgres.schema.migrate import migrate
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import a_row, a_sale
from tests.contract.test_reports_oracle import assert_exact, deliver
from tests.doubles.citus import REAL_URL, real, stand_in
from tests.truth.recomputation import differences

QUESTIONS = 5
"""Of each kind."""

RIGHTS = """
    SELECT relname, attname, acl::text
    FROM pg_class, pg_attribute, unnest(coalesce(attacl, relacl)) AS acl
    WHERE relnamespace = 'public'::regnamespace AND attrelid = pg_class.oid
        AND attnum > 0 AND NOT attisdropped AND relname = ANY($1::text[])
    ORDER BY 1, 2, 3
"""
FIRST_STEP = """
    SELECT create_distributed_table('events', 'id', colocate_with => 'none', shard_count => 4)
"""
TABLES = [*DISTRIBUTED, *WHOLE]
NO_CITUS = "CITUS_DATABASE_URL names no empty database of a coordinator"


@pytest.fixture(
    params=[
        "stand-in",
        pytest.param("citus", marks=pytest.mark.skipif(not REAL_URL, reason=NO_CITUS)),
    ]
)
async def url(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres
) -> AsyncIterator[str]:
    """A coordinator's empty database; the stand-in's has no nodes yet."""
    async with real() if request.param == "citus" else stand_in(postgres_server) as url:
        yield url


@pytest.fixture
async def cluster_url(url: str) -> str:
    """The same, with nodes."""
    if url != REAL_URL:
        await execute(url, "CREATE EXTENSION citus")
        await execute(url, "SELECT citus_set_coordinator_host('coordinator')")
        await execute(url, "SELECT citus_add_node(n) FROM unnest('{one,two}'::text[]) AS n")
    return url


@pytest.fixture
async def distributed_url(cluster_url: str) -> str:
    """The same, with the schema, distributed."""
    done = await eps_migrate(cluster_url, "--distribute")
    assert done.exit_code == 0, done.output
    return cluster_url


@pytest.fixture
async def pool(distributed_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=distributed_url), "test") as pool:
        yield pool


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def fetch(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(statement, *values)
    await connection.close()
    return [tuple(row) for row in rows]


async def eps_migrate(url: str, *options: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, command, options, env={"DATABASE_URL": url})


async def test_a_database_without_citus_is_not_distributed(database_url: str) -> None:
    done = await eps_migrate(database_url, "--distribute")

    assert "this PostgreSQL has no Citus" in str(done.exception)
    assert (await eps_migrate(database_url, "--undistribute")).output == (
        "the schema is up to date\n"
    )


async def test_a_cluster_that_is_not_complete_is_named(url: str) -> None:
    if url == REAL_URL:
        pytest.skip("it is complete")

    without_address = await eps_migrate(url, "--distribute")
    await execute(url, "SELECT citus_set_coordinator_host('coordinator')")
    without_workers = await eps_migrate(url, "--distribute")

    assert "citus_set_coordinator_host(" in str(without_address.exception)
    assert "citus_add_node(" in str(without_workers.exception)


async def test_tables_are_distributed_once(cluster_url: str) -> None:
    first = await eps_migrate(cluster_url, "--distribute")
    second = await eps_migrate(cluster_url, "--distribute")

    placed = "SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod = $1 ORDER BY 1"
    assert first.output.splitlines()[1:] == [f"distributed {name}" for name in TABLES]
    assert second.output == "the schema is up to date\n"
    assert await fetch(cluster_url, placed, b"h") == [(it,) for it in sorted(DISTRIBUTED)]
    assert await fetch(cluster_url, placed, b"n") == [(it,) for it in sorted(WHOLE)]


async def test_an_interrupted_run_continues(cluster_url: str) -> None:
    await migrate(cluster_url)
    await execute(cluster_url, FIRST_STEP)

    done = await eps_migrate(cluster_url, "--distribute")

    assert done.output.splitlines() == [f"distributed {name}" for name in TABLES[1:]]


async def test_rows_and_rights_go_with_the_tables_and_come_back(cluster_url: str) -> None:
    await migrate(cluster_url)
    rights = await fetch(cluster_url, RIGHTS, TABLES)
    async with opened(DatabaseSettings(database_url=cluster_url), "test") as pool:
        await PostgresEventStore(pool).store([a_sale("5", f"{number}") for number in range(20)])

    states = []
    for option in ("--distribute", "--undistribute", "--distribute"):
        done = await eps_migrate(cluster_url, option)
        assert done.exit_code == 0, done.output
        states.append(await fetch(cluster_url, RIGHTS, TABLES))
    async with opened(DatabaseSettings(database_url=cluster_url), "test") as pool:
        again = await PostgresEventStore(pool).store([a_sale("5", "7"), a_sale("5", "new")])
        found = await differences(pool.fetch)

    assert states == [rights] * 3
    assert (again.new, again.duplicates) == (1, 1)
    assert found == {}


async def test_a_copy_that_meets_a_known_event_on_a_worker_is_a_duplicate(
    pool: asyncpg.Pool,
) -> None:
    rows = [a_row(f"{number}", user_id=f"user-{number}") for number in range(100)]
    stores = [PostgresEventStore(pool) for _ in range(2)]

    stored = [await store.store(rows) for store in stores]  # neither looks before it copies

    assert [(it.new, it.duplicates) for it in stored] == [(100, 0), (0, 100)]
    assert await differences(pool.fetch) == {}


async def test_every_answer_is_that_of_plain_sql(pool: asyncpg.Pool) -> None:
    dice = Random(0)
    sent = await deliver(pool, dice)

    await assert_exact(pool, dice, sent, QUESTIONS)
    assert await differences(pool.fetch) == {}
