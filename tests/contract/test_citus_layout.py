"""infra/postgres/citus.sql fits the schema, as far as that can be checked without Citus."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

LAYOUT = (Path(__file__).parents[2] / "infra" / "postgres" / "citus.sql").read_text("utf-8")
DISTRIBUTED = dict(re.findall(r"create_distributed_table\('(\w+)', '(\w+)'", LAYOUT))
WHOLE = set(re.findall(r"\w+", LAYOUT.partition("-- These stay whole")[2]))

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
UNIQUE = """
    SELECT indrelid::regclass::text AS table, indexrelid::regclass::text AS index
    FROM pg_index
    JOIN pg_class ON pg_class.oid = indrelid
    WHERE indisunique
        AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = indrelid AND attnum = ANY(indkey)
                AND attname = ($1::text[])[array_position($2::text[], relname::text)]
        )
        AND relname = ANY($2::text[])
"""
KEYS = """
    SELECT conrelid::regclass::text, confrelid::regclass::text
    FROM pg_constraint
    WHERE contype = 'f'
        AND (conrelid::regclass::text = ANY($1) OR confrelid::regclass::text = ANY($1))
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_every_table_has_a_place(connection: asyncpg.Connection) -> None:
    tables = {name for (name,) in await connection.fetch(TABLES)}

    assert DISTRIBUTED.keys() <= tables
    assert tables - DISTRIBUTED.keys() <= WHOLE
    assert not WHOLE & DISTRIBUTED.keys()


async def test_what_is_unique_is_so_on_one_node(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(UNIQUE, [*DISTRIBUTED.values()], [*DISTRIBUTED]) == []


async def test_no_reference_leads_from_node_to_node(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(KEYS, [*DISTRIBUTED]) == []
