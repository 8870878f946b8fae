"""Distribute the tables over the nodes of a Citus cluster, and bring them back."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from functions.errors import Unavailable

GROUPS: Final = (
    {
        "events": "id",
        "users": "key",
        "return_visits": "user_key",
        "returned_users": "key",
        "campaigns": "key",
    },
    {"payload_blocks": "id", "arrivals": "block"},
)
"""The large tables, and the columns by whose hash their rows are placed.

Every unique constraint of a table has its column, so one node decides whether an
event is a duplicate. Within a group, equal values of the columns are on one node, so a
user and the user's return visits are.
"""

DISTRIBUTED: Final = {name: column for group in GROUPS for name, column in group.items()}

WHOLE: Final = (
    "event_kinds", "event_rollups", "second_rollups", "second_horizon", "user_rollups",
    "user_cities", "city_users", "campaign_minutes", "archived_days", "retention", "retractions",
    "retracted_events", "channel_visits", "metric_snapshots", "erasures", "dead_letters",
    "dead_letter_history",
    "envelopes", "ledger_clock", "attempts", "ledger", "announced_envelopes", "backlogs",
    "schema_migrations",
)  # fmt: skip
"""The tables that stay on the coordinator, known to every node: small, or the same few
rows for all writers."""

_SHARDS_PER_WORKER: Final = 2
"""With 32 shards in all, a batch cost half as much again (Citus 14.0.1, two workers)."""

_SETTINGS: Final = {
    # One connection and one prepared transaction for each worker, in place of up to 16.
    "citus.multi_shard_modify_mode": "sequential",
    "citus.max_adaptive_executor_pool_size": "1",
    # With it, each look-up of a type by the driver takes half a second and more.
    "citus.override_table_visibility": "off",
    # Events are joined with their arrivals by block, which is on another node.
    "citus.enable_repartition_joins": "on",
}

_PLACED = "SELECT logicalrelid::regclass::text FROM pg_dist_partition"
_DISTRIBUTE_FIRST = """
    SELECT create_distributed_table(
        $1::text::regclass, $2::text, colocate_with => 'none', shard_count => $3::integer
    )
"""
_DISTRIBUTE = """
    SELECT create_distributed_table($1::text::regclass, $2::text, colocate_with => $3::text)
"""
_SHARE = """
    SELECT citus_add_local_table_to_metadata(
        $1::text::regclass, cascade_via_foreign_keys => $2::boolean
    )
"""
_BRING_BACK = """
    SELECT undistribute_table($1::text::regclass, cascade_via_foreign_keys => $2::boolean)
"""
_REFERENCES = """
    SELECT EXISTS (
        SELECT FROM pg_constraint
        WHERE contype = 'f' AND $1::text::regclass IN (conrelid, confrelid)
    )
"""
_CAN_HAVE_CITUS = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus')"
_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
_IS_COORDINATOR = "SELECT groupid = 0 FROM pg_dist_local_group"
_HAS_COORDINATOR = "SELECT EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0)"
_WORKERS = "SELECT count(*) FROM pg_dist_node WHERE groupid <> 0 AND isactive"
_ON_ALL_NODES = """
    SELECT string_agg(result, '; ') FROM run_command_on_all_nodes($1::text) WHERE NOT success
"""
_TRUNCATE = "SELECT truncate_local_data_after_distributing_table($1::text::regclass)"
_LEFT_ROWS = "SELECT pg_relation_size($1::text::regclass) > 0"


class NoCluster(Unavailable):
    """The database is not the coordinator of a Citus cluster with workers."""


async def distribute(connection: asyncpg.Connection) -> Sequence[str]:
    """Distribute the tables of an up-to-date schema that are not distributed yet.

    Each table is a step of its own: one that was interrupted goes on where it
    ended. Rows go with their tables. Writers of a table wait while it moves.

    Args:
        connection: To the coordinator, as a superuser, in no transaction.

    Returns:
        The tables that were moved or made known to all nodes now, in order.

    Raises:
        NoCluster: This is no coordinator with workers; nothing was changed.
    """
    workers = await _check_cluster(connection)
    before = await _placed(connection)
    for group in GROUPS:
        first, *others = group
        if first not in before:
            shards = workers * _SHARDS_PER_WORKER
            await connection.execute(_DISTRIBUTE_FIRST, first, group[first], shards)
        for name in others:
            if name not in before:
                await connection.execute(_DISTRIBUTE, name, group[name], first)
    for name in DISTRIBUTED:
        if await connection.fetchval(_LEFT_ROWS, name):  # the coordinator's own copy
            await connection.execute(_TRUNCATE, name)
    for name in WHOLE:
        if name not in await _placed(connection):
            await connection.execute(_SHARE, name, await _has_references(connection, name))
    # Without a key of its own, its shards could not be moved while rows are added.
    await connection.execute("ALTER TABLE return_visits REPLICA IDENTITY FULL")
    await _set(connection)
    return [name for name in (*DISTRIBUTED, *WHOLE) if name not in before]


async def undistribute(connection: asyncpg.Connection) -> Sequence[str]:
    """Bring all tables, with their rows, back to the coordinator alone.

    Args:
        connection: To the coordinator, as a superuser, in no transaction. Its disk
            needs room for all rows.

    Returns:
        The tables that were brought back now, in order; empty without Citus.
    """
    if not await connection.fetchval(_HAS_CITUS):
        return []
    before = await _placed(connection)
    for name in (*WHOLE, *DISTRIBUTED):
        if name in await _placed(connection):
            await connection.execute(_BRING_BACK, name, await _has_references(connection, name))
    await connection.execute("ALTER TABLE return_visits REPLICA IDENTITY DEFAULT")
    return [name for name in (*WHOLE, *DISTRIBUTED) if name in before]


async def _check_cluster(connection: asyncpg.Connection) -> int:
    """Count the workers.

    Raises:
        NoCluster: This is no coordinator with workers; the message says what to do.
    """
    if not await connection.fetchval(_CAN_HAVE_CITUS):
        raise NoCluster(
            "this PostgreSQL has no Citus: install it on every node, with infra/postgres/citus.conf"
        )
    await connection.execute("CREATE EXTENSION IF NOT EXISTS citus")
    if not await connection.fetchval(_IS_COORDINATOR):
        raise NoCluster("this is a worker: DATABASE_URL has to name the coordinator")
    if not await connection.fetchval(_HAS_COORDINATOR):
        raise NoCluster(
            "the coordinator has no address that its workers know: "
            "SELECT citus_set_coordinator_host('coordinator.example.com', 5432)"
        )
    workers: int = await connection.fetchval(_WORKERS)
    if not workers:
        raise NoCluster(
            "the coordinator has no workers: SELECT citus_add_node('worker-1.example.com', 5432)"
        )
    return workers


async def _placed(connection: asyncpg.Connection) -> frozenset[str]:
    """Read which tables all nodes know, distributed or not."""
    return frozenset(name for (name,) in await connection.fetch(_PLACED))


async def _has_references(connection: asyncpg.Connection, name: str) -> bool:
    """Whether a table has a foreign key, or is named by one: the two move together."""
    found: bool = await connection.fetchval(_REFERENCES, name)
    return found


async def _set(connection: asyncpg.Connection) -> None:
    """Set this database's settings on every node, for connections from now on."""
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    for name, value in _SETTINGS.items():
        command = f"ALTER DATABASE {database} SET {name} = '{value}'"
        if faults := await connection.fetchval(_ON_ALL_NODES, command):
            raise NoCluster(f"a node did not take the setting {name}: {faults}")
