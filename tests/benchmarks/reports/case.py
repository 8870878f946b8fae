"""The case: load a year, ask, compare."""

from collections.abc import Sequence
from random import Random

from tests.benchmarks.case import Options, Result, say
from tests.benchmarks.processes import elsewhere
from tests.benchmarks.reports.asking import Client, Round, client_of
from tests.benchmarks.reports.comparing import compare
from tests.benchmarks.reports.engines import engines
from tests.benchmarks.reports.growth import growth_table
from tests.benchmarks.reports.loading import load
from tests.benchmarks.reports.outcomes import (
    AskedByRow,
    answers_table,
    faults_of,
    outcomes_of,
    record_of,
)
from tests.benchmarks.reports.rows import ROWS
from tests.benchmarks.reports.year import END, START
from tests.benchmarks.system import System, fresh_system
from tests.truth.questions import Known, Question, distinct

_EVENTS, _QUICK_EVENTS = 10_000_000, 200_000
_QUESTIONS, _QUICK_QUESTIONS = 100, 20
"""Questions of each kind in a run."""

_COMPARED, _QUICK_COMPARED = 1, 3
"""Questions compared with plain SQL, which takes a minute for some over ten million events."""

_WARM_UP = 10

_CAMPAIGNS = """
    SELECT campaign_id
    FROM events TABLESAMPLE SYSTEM (5)
    WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL
    LIMIT 1000
"""


async def reports(options: Options) -> Result:
    """Ask for everything over a year of events, and compare the answers with plain SQL."""
    events = options.events or round(options.size(_EVENTS, _QUICK_EVENTS))
    async with fresh_system(options.data_dir) as system:
        loaded = await load(system, events)
        known = await _settle(system)
        asked, noise = await _ask(system, known, options)
        count = round(options.size(_COMPARED, _QUICK_COMPARED))
        samples = {name: Random(name).sample(runs[0].asked, count) for name, runs in asked.items()}
        async with engines(system, options.data_dir) as found:
            compared = await compare(samples, found)
    return Result(
        outcomes=outcomes_of(loaded, asked, compared),
        elsewhere_percent=noise,
        record=record_of(loaded, asked, compared),
        faults=faults_of(loaded, asked, compared),
        tables=[answers_table(asked, compared), growth_table(loaded)],
    )


async def _settle(system: System) -> Known:
    """Vacuum and analyze the tables, as happens over time; find some campaigns to ask for."""
    say("vacuum")
    async with system.database() as connection:
        await connection.execute("VACUUM ANALYZE")
        campaigns = [row[0] for row in await connection.fetch(_CAMPAIGNS)]
    return Known(START, END, campaigns)


async def _ask(system: System, known: Known, options: Options) -> tuple[AskedByRow, list[float]]:
    """Ask all kinds of questions, warm, different ones in each run; also return others' share."""
    asked: AskedByRow = {row.name: [] for row in ROWS}
    noise: list[float] = []
    count = round(options.size(_QUESTIONS, _QUICK_QUESTIONS))
    async with client_of(system.reporter_url) as client:
        for row in ROWS:
            say(f"warming up: {row.name}")
            await client.ask_all(distinct(row.ask, Random(row.name), known, _WARM_UP))
        for run in range(options.times):
            with elsewhere() as percent:
                for row in ROWS:
                    say(f"run {run + 1} of {options.times}: {row.name}")
                    questions = distinct(row.ask, Random(f"{row.name}/{run}"), known, count)
                    asked[row.name].append(await _round(system, client, questions))
            noise += percent
    return asked, noise


async def _round(system: System, client: Client, questions: Sequence[Question]) -> Round:
    before = _used(system)
    asked = await client.ask_all(questions)
    return Round(asked, _used(system) - before)


def _used(system: System) -> float:
    seconds = system.processor_seconds()
    return seconds["reporter"] + seconds["postgres"]
