"""The same questions in plain SQL over a flat copy of the events: PostgreSQL and DuckDB."""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.case import say
from tests.benchmarks.system import System, fresh_folder
from tests.truth.oracle import Answer, Fetch, Rows, expected
from tests.truth.payloads import make_plain_payloads
from tests.truth.plain_sql import MAKE_FLAT
from tests.truth.questions import Question

POSTGRES = "plain SQL"
DUCKDB = "DuckDB"

_PREPARE = "SET work_mem = '256MB'; SET timezone = 'UTC'"
_INDEX = "CREATE INDEX ON bench_flat (occurred_at)"
_SETTLE = "VACUUM ANALYZE bench_flat"
_MAKE_DUCK = """
    CREATE TABLE bench_flat (
        id uuid, occurred_at timestamp, source text, funnel_stage text, event_type text,
        user_id text, age smallint, gender text, country text, city text, followers bigint,
        campaign_id text, revenue decimal(18, 6), device text,
        watch_seconds decimal(18, 6), percentage_watched decimal(18, 6)
    )
"""
_FILL_DUCK = "COPY bench_flat FROM '{file}' (FORMAT csv, HEADER false, ALLOW_QUOTED_NULLS false)"


class Engine:
    """Answers questions, and reports how long its statements took."""

    def __init__(self, name: str, run: Fetch) -> None:
        self.name = name
        self._run = run
        self._seconds = 0.0

    async def answer(self, question: Question) -> tuple[Answer, float]:
        """Return the answer, and the milliseconds of its statements."""
        self._seconds = 0.0
        answer = await expected(question, self._timed)
        return answer, self._seconds * 1000

    async def _timed(self, statement: str, values: Sequence[Any]) -> Rows:
        began = time.perf_counter()
        rows = await self._run(statement, values)
        self._seconds += time.perf_counter() - began
        return rows


@asynccontextmanager
async def engines(system: System, parent: Path | None) -> AsyncIterator[list[Engine]]:
    """Hold the engines while the context is open; DuckDB only if it is installed.

    The copy has an index on time; statements may use 256 MB before they go to disk.
    """
    say("plain SQL: copying the events flat")
    async with system.database() as connection:
        await connection.execute(_PREPARE)
        await make_plain_payloads(connection)
        for statement in (MAKE_FLAT, _INDEX, _SETTLE):
            await connection.execute(statement)

        async def fetch(statement: str, values: Sequence[Any]) -> Rows:
            rows: Rows = await connection.fetch(statement, *values)
            return rows

        found = [Engine(POSTGRES, fetch)]
        if find_spec("duckdb") is None:
            yield found
            return
        with fresh_folder(parent) as folder:
            say("DuckDB: copying the events")
            csv = folder / "events.csv"
            await connection.copy_from_table("bench_flat", output=csv, format="csv")
            duck = await asyncio.to_thread(_duck, csv)
            with duck:
                yield [*found, Engine(DUCKDB, _fetch_from(duck))]


def _duck(csv: Path) -> Any:
    duck = importlib.import_module("duckdb").connect(str(csv.with_suffix(".duckdb")))
    duck.execute(_MAKE_DUCK)
    duck.execute(_FILL_DUCK.format(file=csv))
    csv.unlink()
    return duck


def _fetch_from(duck: Any) -> Fetch:
    async def fetch(statement: str, values: Sequence[Any]) -> Rows:
        rows: Rows = await asyncio.to_thread(lambda: duck.execute(statement, values).fetchall())
        return rows

    return fetch
