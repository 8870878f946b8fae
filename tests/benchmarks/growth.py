"""More replicas on the same machine: their cost, and whether they hinder each other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.arrays import COST, RATE
from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import WARM_UP, Options, Result, highest_peaks, middle, repeat
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.load import Plan, Sent, made
from tests.benchmarks.measure import Run, measured
from tests.benchmarks.system import System, fresh_system

_SHAPES: Mapping[str, Sequence[str]] = {
    "1 of each": (),
    "3 of each collector": ("fb-collector=3", "ttk-collector=3"),
    "2 gateways": ("gateway=2",),
    "2 gateways, 3 of each collector": ("gateway=2", "fb-collector=3", "ttk-collector=3"),
}
_PLAN = Plan(Batch(24, 20_000), connections=4)
_QUICK = 0.5
_SAMPLE_SECONDS = 0.02
_WAITS = """
    SELECT coalesce(wait_event_type || ':' || wait_event, 'running') AS wait, count(*)
    FROM pg_stat_activity
    WHERE state = 'active' AND application_name LIKE '%-collector' GROUP BY 1
"""
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

_ROW = {"Lock:transactionid", "Lock:tuple"}
_FILE = {"Lock:extend"}
DEADLOCKS = Goal("deadlocks", "≤", 0)


@dataclass(frozen=True, slots=True)
class _Grown:
    """One run of one shape.

    Attributes:
        waits: Samples of the collectors' running statements, by wait event.
        commit_seconds: How long a batch took to be stored, on average.
    """

    run: Run
    waits: Mapping[str, int]
    deadlocks: int
    commit_seconds: float

    def waited_percent(self, waits: Collection[str]) -> float:
        """Return how many of the running statements waited for one of these."""
        waited = sum(number for wait, number in self.waits.items() if wait in waits)
        return 100 * waited / max(1, sum(self.waits.values()))


async def growth(options: Options) -> Result:
    """Send arrays to systems of different shapes, in turn."""
    rounds = await repeat(options, lambda: _round(options))
    every = {shape: [each[shape] for each in rounds] for shape in _SHAPES}
    runs = [grown.run for of_shape in every.values() for grown in of_shape]
    return Result(
        outcomes=[outcome for shape, of in every.items() for outcome in _judge(shape, of)],
        processor_seconds=middle([grown.run for grown in every["1 of each"]]).a_million,
        peak_megabytes=highest_peaks(runs),
        elsewhere_percent=[run.elsewhere_percent for run in runs],
        record={"shapes": {shape: [_record(grown) for grown in of] for shape, of in every.items()}},
        faults=[run.fault for run in runs if run.fault],
    )


async def _round(options: Options) -> dict[str, _Grown]:
    return {shape: await _run(options, scale) for shape, scale in _SHAPES.items()}


async def _run(options: Options, scale: Sequence[str]) -> _Grown:
    plan = _PLAN.scaled(options.size(1, _QUICK))
    async with fresh_system(options.data_dir, scale=scale) as system:
        urls = [system.url_of(name) for name in system.pids if name.startswith("gateway")]
        async with _spread(plan.scaled(WARM_UP), urls) as send:
            await measured(system, send)
        async with _spread(plan, urls) as send, _sampled(system) as waits:
            run = await measured(system, send)
        return _Grown(run, waits, await _deadlocks(system), await _commit_seconds(system))


@asynccontextmanager
async def _spread(plan: Plan, urls: Sequence[str]) -> AsyncIterator[Callable[[], Awaitable[Sent]]]:
    """Split a load over several gateways."""
    async with AsyncExitStack() as stack:
        share = Plan(plan.batch.scaled(1 / len(urls)), plan.connections // len(urls))
        loads = [await stack.enter_async_context(made(share)) for _ in urls]

        async def send() -> Sent:
            sending = (load.send(url) for load, url in zip(loads, urls, strict=True))
            return _together(await asyncio.gather(*sending))

        yield send


def _together(parts: Sequence[Sent]) -> Sent:
    """Sum up the results of several senders; the latencies are those of the slowest."""
    return Sent(
        began=min(part.began for part in parts),
        ended=max(part.ended for part in parts),
        processor_seconds=sum(part.processor_seconds for part in parts),
        latency_ms=max((part.latency_ms for part in parts), key=lambda each: each["p99"]),
        statuses=sum((part.statuses for part in parts), Counter()),
        accepted=sum(part.accepted for part in parts),
    )


@asynccontextmanager
async def _sampled(system: System) -> AsyncIterator[Counter[str]]:
    """Sample the wait events of the collectors' statements while the context is open."""
    waits: Counter[str] = Counter()

    async def sample() -> None:
        async with system.database() as connection:
            while True:
                waits.update(dict(map(tuple, await connection.fetch(_WAITS))))
                await asyncio.sleep(_SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield waits
    finally:
        sampling.cancel()
        await asyncio.wait([sampling])


async def _deadlocks(system: System) -> int:
    async with system.database() as connection:
        return int(await connection.fetchval(_DEADLOCKS))


async def _commit_seconds(system: System) -> float:
    taken = await system.total("batch_commit_seconds_sum")
    return taken / max(1, await system.total("batch_commit_seconds_count"))


def _judge(shape: str, grown: Sequence[_Grown]) -> list[Outcome]:
    runs = [each.run for each in grown]
    return [
        Outcome(Goal(f"{shape}: {RATE.figure}"), [run.events_a_second for run in runs]),
        Outcome(Goal(f"{shape}: {COST.figure}"), [run.total_a_million for run in runs]),
        *(
            Outcome(Goal(f"{shape}: {name}, processor seconds a million"), _cost(runs, name))
            for name in ("postgres", "nats", "gateway", "fb-collector", "ttk-collector")
        ),
        Outcome(
            Goal(f"{shape}: statements waiting for a row, %"),
            [each.waited_percent(_ROW) for each in grown],
        ),
        Outcome(
            Goal(f"{shape}: statements waiting for a file to be extended, %"),
            [each.waited_percent(_FILE) for each in grown],
        ),
        Outcome(
            Goal(f"{shape}: a batch stored, ms"), [each.commit_seconds * 1e3 for each in grown]
        ),
        Outcome(DEADLOCKS, [each.deadlocks for each in grown]),
    ]


def _cost(runs: Sequence[Run], function: str) -> list[float]:
    """Sum the processor seconds of all replicas of a function."""
    return [
        sum(s for name, s in run.a_million.items() if name.startswith(function)) for run in runs
    ]


def _record(grown: _Grown) -> dict[str, Any]:
    return {
        **grown.run.record(),
        "waits": dict(grown.waits),
        "deadlocks": grown.deadlocks,
        "commitSeconds": grown.commit_seconds,
    }
