"""Duplicates: events sent again cost no more and change nothing."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import WARM_UP, Options, Result, repeat, result_of
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.load import Plan, made
from tests.benchmarks.measure import Run, measured, run_once
from tests.benchmarks.raw_copy import raw_copy
from tests.benchmarks.system import System, fresh_system

RATIO = Goal("events/s, over those of new ones", "≥", 1)
CHANGED = Goal("tables changed", "≤", 0)

_PLAN = Plan(Batch(1_000, 1_000), connections=8)
_QUICK = 0.1
_TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname NOT IN ('ledger', 'envelopes', 'announced_envelopes', 'backlogs')
"""
"""Not those of the ledger, which counts duplicates."""

Fingerprint = dict[str, tuple[Any, ...]]
"""Rows and the sum of their hashes, by table."""


@dataclass(frozen=True, slots=True)
class _Twice:
    new: Run
    again: Run
    changed: int


async def all_duplicates(options: Options) -> Result:
    """Send a million new events, and the same events again."""
    plan = _PLAN.scaled(options.size(1, _QUICK))
    async with fresh_system(options.data_dir) as system:
        await run_once(system, plan.scaled(WARM_UP))
        pairs = await repeat(options, partial(_twice, system, plan))
        raw = await raw_copy(system, pairs[-1].again.events_a_commit)
    new, again = [pair.new for pair in pairs], [pair.again for pair in pairs]
    stored = ("COPY with key, duplicates", raw.duplicates.rows_a_second)
    cost = ("PostgreSQL for it", raw.duplicates.processor_seconds_a_million)
    ratios = [pair.again.events_a_second / pair.new.events_a_second for pair in pairs]
    raw_ratio = ("COPY with key", raw.duplicates.rows_a_second / raw.keyed.rows_a_second)
    outcomes = [
        Outcome(RATIO, ratios, [raw_ratio]),
        Outcome(CHANGED, [pair.changed for pair in pairs]),
        Outcome(Goal("duplicates, events/s"), [run.events_a_second for run in again], [stored]),
        Outcome(
            Goal("duplicates, processor seconds a million"),
            [run.total_a_million for run in again],
            [cost],
        ),
        Outcome(
            Goal("new ones, processor seconds a million"), [run.total_a_million for run in new]
        ),
    ]
    return result_of(again, outcomes, asdict(raw), new=[run.record() for run in new])


async def _twice(system: System, plan: Plan) -> _Twice:
    async with made(plan) as load:
        new = await measured(system, partial(load.send, system.gateway_url))
        before = await _fingerprint(system)
        again = await measured(system, partial(load.send, system.gateway_url), new=False)
        after = await _fingerprint(system)
    changed = [table for table in before if before[table] != after[table]]
    return _Twice(new, again, len(changed))


async def _fingerprint(system: System) -> Fingerprint:
    async with system.database() as database:
        tables = [row[0] for row in await database.fetch(_TABLES)]
        return {
            table: tuple(
                await database.fetchrow(
                    "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric)"  # noqa: S608
                    f" FROM {table} AS t"
                )
                or ()
            )
            for table in tables
        }
