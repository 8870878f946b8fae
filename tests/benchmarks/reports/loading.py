"""Store a year of events as the collectors do, a process for each source."""

import asyncio
import gc
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection as Pipe
from random import Random

import uvloop
from pydantic import SecretStr

from functions.collecting import Collected
from functions.events import SOURCES, Source
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import AcceptedBatch
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.benchmarks.reports.growth import Growth, Loaded
from tests.benchmarks.reports.year import Plan, Year
from tests.benchmarks.system import System

BATCH = 5_000
_LANES = 2
"""One batch is made while another is stored."""
_REDELIVERED = 10
"""Batches of each source that are redelivered at the end."""
_COLLECT = {"facebook": collect_facebook, "tiktok": collect_tiktok}
_GC_THRESHOLD = 50_000
"""The same as in collectors: see runtime/wiring/process.py."""


async def load(system: System, events: int) -> Loaded:
    """Store so many events, half of each source; then redeliver some batches."""
    loaded = Loaded()
    async with system.database() as database, asyncio.TaskGroup() as group:
        growth = Growth(loaded, events, database)
        for source in SOURCES:
            group.create_task(_follow(Plan(source, events // 2), system.database_url, growth))
    return loaded


async def _follow(plan: Plan, url: str, growth: Growth) -> None:
    """Run a loading process to its end."""
    with _started(plan, url) as pipe:
        receive = partial(asyncio.get_running_loop().run_in_executor, None, pipe.recv)
        while isinstance(told := await receive(), Collected):
            await growth.add(told)
        growth.loaded.different += told
        while isinstance(told := await receive(), Collected):
            growth.add_again(told)


@contextmanager
def _started(plan: Plan, url: str) -> Iterator[Pipe]:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, plan, url), daemon=True)
    process.start()
    theirs.close()
    try:
        yield pipe
    finally:
        process.kill()
        process.join()
        process.close()
        pipe.close()


def _work(pipe: Pipe, plan: Plan, url: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    gc.set_threshold(_GC_THRESHOLD, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_load(pipe, plan, url))


async def _load(pipe: Pipe, plan: Plan, url: str) -> None:
    """Report each batch's number of events, each redelivered batch, and None at the end."""
    kept: list[AcceptedBatch] = []
    year = Year(plan)
    batches = range(-(-plan.events // BATCH))
    again = Random(plan.seed).sample(batches, min(_REDELIVERED, len(batches)))
    async with opened(DatabaseSettings(database_url=SecretStr(url)), "bench") as pool:
        collect = partial(_COLLECT[plan.source], store=PostgresEventStore(pool))
        parts = _parts(year, plan.source)

        async def lane() -> None:
            for number, part in parts:
                if number in again:
                    kept.append(part)
                pipe.send(await collect([part]))

        async with asyncio.TaskGroup() as lanes:
            for _ in range(_LANES):
                lanes.create_task(lane())
        pipe.send(year.different)
        for part in kept:
            pipe.send(await collect([part]))
        pipe.send(None)


def _parts(year: Year, source: Source) -> Iterator[tuple[int, AcceptedBatch]]:
    for number, events in enumerate(year.batches(BATCH)):
        yield number, AcceptedBatch(f"{source}-{number}", datetime.now(UTC), events)
