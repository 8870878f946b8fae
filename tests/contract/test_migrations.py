import asyncio

import asyncpg
import pytest

from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.postgres.schema.migrate import SchemaMismatch, migrate, migrations


@pytest.fixture
async def empty_database_url(postgres_server: EmbeddedPostgres) -> str:
    connection = await asyncpg.connect(postgres_server.url_of("postgres"))
    await connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
    await connection.execute("CREATE DATABASE empty")
    await connection.close()
    return postgres_server.url_of("empty")


def names() -> list[str]:
    return [migration.name for migration in migrations()]


def test_versions_count_from_one_without_gaps() -> None:
    versions = [migration.version for migration in migrations()]

    assert versions == list(range(1, len(versions) + 1))


async def test_missing_migrations_are_applied_in_order_and_only_once(
    empty_database_url: str,
) -> None:
    first = await migrate(empty_database_url)
    second = await migrate(empty_database_url)

    assert first == names()
    assert second == []


async def test_several_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))

    assert sorted(filter(None, applied)) == [names()]


async def test_a_database_remembers_what_it_has(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    rows = await connection.fetch("SELECT version, name FROM schema_migrations ORDER BY version")

    await connection.close()
    assert [(row["version"], row["name"]) for row in rows] == list(enumerate(names(), 1))


async def test_a_database_of_another_version_of_a_migration_is_refused(
    empty_database_url: str,
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE schema_migrations SET digest = 'another'")
    await connection.close()

    with pytest.raises(SchemaMismatch, match="0001_events"):
        await migrate(empty_database_url)
