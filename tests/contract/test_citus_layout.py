"""The layout on a cluster fits schema and statements, as far as can be checked without Citus."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from runtime.postgres import sql
from runtime.postgres.schema.distribution import DISTRIBUTED, WHOLE
from tests.contract.citus_rules import RULES, broken

_LOCK, _NO_COLUMNS, _LATERAL, _JOIN, _RETURNING, _RECURSIVE, _MOVE, _CONFLICT = RULES

QUERIES = sorted(Path(sql.__file__).parents[1].rglob("queries/*.sql"))
NOT_YET = {
    "known_users": {_LOCK},
    "report_partial_campaigns": {_LATERAL},
    "report_sums": {_LATERAL, _RECURSIVE},
    "shrink_hours": {_JOIN},
}
"""Statements that have to change before they run on a cluster; docs/scaling.md says how."""

READ = {**DISTRIBUTED, "stored_events": "id"}
"""With the view that reads events."""

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
    assert tables - DISTRIBUTED.keys() == set(WHOLE)


async def test_what_is_unique_is_so_on_one_node(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(UNIQUE, [*DISTRIBUTED.values()], [*DISTRIBUTED]) == []


async def test_no_reference_leads_from_node_to_node(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(KEYS, [*DISTRIBUTED]) == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
def test_a_statement_breaks_no_rule_of_citus_but_those_that_are_known(query: Path) -> None:
    statement = query.read_text(encoding="utf-8")

    assert broken(statement, READ) == NOT_YET.get(query.stem, set())


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        # What Citus 14.0.1 refused, in short, and what it ran in its place.
        ("SELECT key FROM users WHERE key = ANY($1) FOR UPDATE", {_LOCK}),
        (
            "UPDATE users SET source = source WHERE key = ANY($1) RETURNING key, source::text",
            {_RETURNING},
        ),
        ("UPDATE users SET source = source WHERE key = ANY($1) RETURNING key, source", set()),
        ("SELECT NOT EXISTS (SELECT FROM users WHERE first_at < $1)", {_NO_COLUMNS}),
        ("SELECT NOT EXISTS (SELECT 1 FROM users WHERE first_at < $1 LIMIT 1)", set()),
        (
            (
                "SELECT 1 FROM (SELECT DISTINCT user_key FROM return_visits) AS returned CROSS JOIN"
                " LATERAL (SELECT age FROM users WHERE key = user_key OFFSET 0) AS users"
            ),
            {_LATERAL},
        ),
        (
            (
                "SELECT 1 FROM users JOIN (SELECT DISTINCT user_key FROM return_visits) AS returned"
                " ON key = user_key"
            ),
            set(),
        ),
        (
            (
                "UPDATE user_rollups SET smallest = (SELECT min(followers) FROM users"
                " WHERE first_at = bucket)"
            ),
            {_JOIN},
        ),
        (
            (
                "WITH lost AS (SELECT 1), extremes AS MATERIALIZED (SELECT min(followers) FROM lost"
                " JOIN users ON true) UPDATE user_rollups SET smallest = low FROM extremes"
            ),
            set(),
        ),
        # What its source and documentation say.
        ("WITH RECURSIVE a AS (SELECT 1) SELECT 1 FROM events", {_RECURSIVE}),
        ("UPDATE users SET age = 1, key = $1", {_MOVE}),
        ("INSERT INTO users (key) VALUES ($1) ON CONFLICT (source, age) DO NOTHING", {_CONFLICT}),
        ("INSERT INTO users (key) VALUES ($1) ON CONFLICT (key) DO NOTHING", set()),
        ("SELECT 1 FROM events JOIN users ON users.key = events.user_key", set()),
        ("SELECT 1 FROM ledger FOR UPDATE", set()),
    ],
)
def test_a_rule_is_recognized(statement: str, rules: set[str]) -> None:
    assert broken(statement, DISTRIBUTED) == rules
