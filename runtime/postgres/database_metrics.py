"""Metrics of the database, from queries that every role may run."""

import asyncio

import asyncpg

from functions.errors import Unavailable
from runtime.loops import every
from runtime.postgres.errors import translated
from runtime.postgres.growth import measure_growth
from runtime.postgres.sql import load
from runtime.telemetry.clocks import ServerClock
from runtime.telemetry.server_metrics import DATABASE_UP, Measured, Sample

_EVERY_SECONDS = 15.0
_ANSWER_SECONDS = 5.0

DATABASE_CLOCK = load(__file__, "database_clock")
DATABASE_STATE = load(__file__, "database_state")
DATABASE_TABLES = load(__file__, "database_tables")
REPORT_LAG = load(__file__, "report_lag")


async def watch_database_figures(
    primary: asyncpg.Pool,
    reports: asyncpg.Pool,
    disk_bytes: int | None,
    shown: Measured,
    stop: asyncio.Event,
    *,
    clock: ServerClock,
) -> None:
    """Measure the database every few seconds until ``stop`` is set.

    Args:
        primary: Where events are written.
        reports: Where reports are read, possibly a replica.
        disk_bytes: The disk space for the database; None if unknown.
        shown: Receives the samples.
        stop: Ends it.
        clock: The primary's, compared with this process's own.
    """
    disk = [] if disk_bytes is None else [Sample("database_disk_bytes", disk_bytes)]
    async for _ in every(_EVERY_SECONDS, stop):
        shown.show([*disk, *await measure_database(primary, reports, clock, disk_bytes)])


async def measure_database(
    primary: asyncpg.Pool,
    reports: asyncpg.Pool,
    clock: ServerClock,
    disk_bytes: int | None = None,
) -> list[Sample]:
    """Measure everything, bounded in time; without an answer, report only that."""
    try:
        with translated():
            async with asyncio.timeout(_ANSWER_SECONDS):
                asked_at = clock.asked()
                clock.told(await primary.fetchval(DATABASE_CLOCK), asked_at)
                return [
                    Sample(DATABASE_UP, 1),
                    *await _state(primary),
                    *await _tables(primary),
                    *await _days(primary, disk_bytes),
                    Sample("database_replica_lag_seconds", await reports.fetchval(REPORT_LAG)),
                ]
    except (Unavailable, TimeoutError):
        return [Sample(DATABASE_UP, 0)]


async def _state(pool: asyncpg.Pool) -> list[Sample]:
    [state] = await pool.fetch(DATABASE_STATE)
    return [Sample(name, value) for name, value in state.items()]


async def _days(pool: asyncpg.Pool, disk_bytes: int | None) -> list[Sample]:
    days = disk_bytes and (await measure_growth(pool)).days_left(disk_bytes)
    return [] if days is None else [Sample("database_disk_days", days)]


async def _tables(pool: asyncpg.Pool) -> list[Sample]:
    return [
        Sample(f"database_{kind}_rows", table[kind], (table["name"],))
        for table in await pool.fetch(DATABASE_TABLES)
        for kind in ("live", "dead")
    ]
