"""PostgreSQL's capacity with the same rows, the same number per commit."""

import io
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg

from tests.benchmarks.system import System
from tests.truth.payloads import make_plain_payloads

_ROWS = 60_000
_COMMITS = 500
"""At most for each: small batches need fewer rows to show their speed."""

_SCHEMA = "raw_copy"
_WHOLE = """
    SELECT
        id, user_key, occurred_at, accepted_at, stored_at, published_at, stream_sequence,
        watch_seconds, percentage_watched, source, funnel_stage, channel, mapping, deliveries,
        event_type, event_id, correlation_id, trace_parent, revenue, currency, order_id,
        event_name, campaign_id, watch_country, watch_device, payload
    FROM stored_events
    JOIN plain_payloads USING (block, position)
"""
"""Events with their JSON, each in one row, as one would store them without reports."""

_MAKE = f"""
    DROP SCHEMA IF EXISTS raw_copy CASCADE;
    CREATE SCHEMA raw_copy;
    CREATE TABLE raw_copy.plain AS {_WHOLE} WITH NO DATA;
    CREATE TABLE raw_copy.keyed (LIKE raw_copy.plain, PRIMARY KEY (id));
    CREATE TEMPORARY TABLE incoming (LIKE raw_copy.plain) ON COMMIT DELETE ROWS;
"""
_MERGE = "INSERT INTO raw_copy.keyed SELECT * FROM incoming ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Speed:
    """Rows per second on one connection, and PostgreSQL's processor seconds per million."""

    rows_a_second: float
    processor_seconds_a_million: float


@dataclass(frozen=True, slots=True)
class RawCopy:
    """Three ways to store the same rows as the system.

    Attributes:
        rows_a_commit: The system's average.
        plain: COPY into a table without indexes.
        keyed: COPY to a temporary table, INSERT … ON CONFLICT DO NOTHING into one with the key.
        duplicates: The same again, when all rows exist.
    """

    rows_a_commit: int
    plain: Speed
    keyed: Speed
    duplicates: Speed


async def raw_copy(system: System, rows_a_commit: float) -> RawCopy:
    """Store rows that the system has stored, again, in tables made for it."""
    rows = max(1, round(rows_a_commit))
    async with system.database() as connection:
        await make_plain_payloads(connection)
        await connection.execute(_MAKE)
        batches = await _batches(connection, rows)

        async def plain(batch: bytes) -> None:
            await _copy(connection, batch, "plain", _SCHEMA)

        async def keyed(batch: bytes) -> None:
            async with connection.transaction():
                await _copy(connection, batch, "incoming", None)
                await connection.execute(_MERGE)

        found = RawCopy(
            rows,
            await _speed(system, plain, batches, rows),
            await _speed(system, keyed, batches, rows),
            await _speed(system, keyed, batches, rows),
        )
        await connection.execute("DROP SCHEMA raw_copy CASCADE; DROP TABLE plain_payloads")
    return found


async def _batches(connection: asyncpg.Connection, rows: int) -> list[bytes]:
    """Read rows in the form in which COPY takes them, so that later only the server works."""
    batches = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(
            "DECLARE stored NO SCROLL CURSOR FOR SELECT id FROM events ORDER BY random()"  # noqa: S608
            f" LIMIT {min(_ROWS, _COMMITS * rows)}"
        )
        while ids := await connection.fetch(f"FETCH {rows} FROM stored"):
            buffer = io.BytesIO()
            await connection.copy_from_query(
                f"{_WHOLE} WHERE id = ANY ($1)",
                [row[0] for row in ids],
                output=buffer,
                format="binary",
            )
            batches.append(buffer.getvalue())
    return batches[:-1] or batches  # the last has fewer


async def _copy(
    connection: asyncpg.Connection, batch: bytes, table: str, schema: str | None
) -> None:
    await connection.copy_to_table(
        table, schema_name=schema, source=io.BytesIO(batch), format="binary"
    )


async def _speed(
    system: System, store: Callable[[bytes], Awaitable[None]], batches: Sequence[bytes], rows: int
) -> Speed:
    used, began = system.processor_seconds()["postgres"], time.monotonic()
    for batch in batches:
        await store(batch)
    seconds = time.monotonic() - began
    used = system.processor_seconds()["postgres"] - used
    stored = len(batches) * rows
    return Speed(stored / seconds, used * 1e6 / stored)
