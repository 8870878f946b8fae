"""More events than can be stored: how soon they are refused, the memory used, and the recovery."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.benchmarks.arrays import RATE
from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import Options, Result, repeat, say
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.percentiles import percentile
from tests.benchmarks.pressure import ACCEPTED, REFUSED, pressure
from tests.benchmarks.system import COLLECTORS, System, fresh_system

REFUSED_P99 = Goal("503, p99, ms", "≤", 1_000)
LOST = Goal("acknowledged events that are not stored", "≤", 0)

_STREAM = "48mb"
_EVENTS = 1_000
_REQUESTS, _QUICK_REQUESTS = 300, 150
_CONNECTIONS = 16
_FULL_SECONDS = 8.0
"""How long it stays full."""

_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Figures:
    """The result for one bottleneck."""

    statuses: Mapping[int, int]
    refused_ms: Sequence[float]
    small_ms: Sequence[float]
    full_after_seconds: float
    serves_after_seconds: float
    recovered_events_a_second: float
    lost: int
    peak_megabytes: dict[str, float]


_SILENT = "broker frozen"
_P99_OF_A_SILENT_BROKER = Goal("503, p99, ms")
"""The first requests wait for PUBLISH_TIMEOUT_SECONDS, as long as a restart takes."""

Brake = Callable[[System], AbstractContextManager[None]]
_BRAKES: dict[str, Brake] = {
    "collectors frozen": lambda system: system.paused(*COLLECTORS),
    "database frozen": lambda system: system.paused("postgres"),
    _SILENT: lambda system: system.paused("nats"),
}


async def back_pressure(options: Options) -> Result:
    """Freeze the consumers, send until everything is full, and resume them."""
    outcomes: list[Outcome] = []
    every: dict[str, list[_Figures]] = {}
    for name, brake in _BRAKES.items():
        every[name] = await repeat(options, partial(_run, options, brake))
        outcomes += _judge(name, every[name])
    runs = [run for of_brake in every.values() for run in of_brake]
    return Result(
        outcomes=outcomes,
        peak_megabytes={
            name: max(run.peak_megabytes[name] for run in runs) for name in runs[0].peak_megabytes
        },
        record={"brakes": {name: list(map(_record, of)) for name, of in every.items()}},
        faults=[f"{run.lost} acknowledged events are not stored" for run in runs if run.lost],
    )


async def _run(options: Options, brake: Brake) -> _Figures:
    requests = round(options.size(_REQUESTS, _QUICK_REQUESTS))
    async with fresh_system(options.data_dir, EVENTS_STREAM_MAX_BYTES=_STREAM) as system:
        large = pressure(system.gateway_url, Batch(requests, _EVENTS))
        small = pressure(system.gateway_url, Batch(4 * requests, 1))
        system.reset_peaks()
        began = time.monotonic()
        with brake(system):
            sending = asyncio.gather(*(large.send_all(0) for _ in range(_CONNECTIONS)))
            beside = asyncio.create_task(small.send_all(_PAUSE_SECONDS))
            full = await large.first(REFUSED, began)
            say("full")
            await asyncio.sleep(_FULL_SECONDS)
        freed, before = time.monotonic(), (await system.events())[0]
        serves = await large.first(ACCEPTED, freed)
        await sending
        small.waiting.clear()
        await beside
        committed = await system.committed()
        rows, reported = await system.events()
        answers = [*large.answers, *small.answers]
        return _Figures(
            statuses=Counter(each.status for each in answers),
            refused_ms=[each.milliseconds for each in answers if each.status == REFUSED],
            small_ms=[each.milliseconds for each in small.answers],
            full_after_seconds=full - began,
            serves_after_seconds=serves - freed,
            recovered_events_a_second=(rows - before) / (committed - freed),
            lost=max(0, large.accepted() + small.accepted() - min(rows, reported)),
            peak_megabytes=system.peaks(),
        )


def _judge(name: str, runs: Sequence[_Figures]) -> list[Outcome]:
    def figure(goal: Goal, value: Callable[[_Figures], float]) -> Outcome:
        named = Goal(f"{name}: {goal.figure}", goal.bound, goal.limit)
        return Outcome(named, [value(run) for run in runs])

    return [
        figure(Goal("503, p50, ms"), lambda run: percentile(run.refused_ms, 50)),
        figure(
            _P99_OF_A_SILENT_BROKER if name == _SILENT else REFUSED_P99,
            lambda run: percentile(run.refused_ms, 99),
        ),
        figure(Goal("small beside, 202 or 503, p99, ms"), lambda run: percentile(run.small_ms, 99)),
        figure(Goal("first 202 after it is let go, s"), lambda run: run.serves_after_seconds),
        figure(Goal(f"{RATE.figure} from then on"), lambda run: run.recovered_events_a_second),
        figure(Goal("gateway's peak memory, MB"), lambda run: run.peak_megabytes["gateway"]),
        figure(LOST, lambda run: run.lost),
    ]


def _record(run: _Figures) -> dict[str, Any]:
    return {
        "statuses": dict(run.statuses),
        "refusedMilliseconds": {f"p{p}": percentile(run.refused_ms, p) for p in (50, 95, 99, 100)},
        "smallMilliseconds": {f"p{p}": percentile(run.small_ms, p) for p in (50, 95, 99, 100)},
        "fullAfterSeconds": run.full_after_seconds,
        "servesAfterSeconds": run.serves_after_seconds,
        "recoveredEventsPerSecond": run.recovered_events_a_second,
        "lost": run.lost,
        "peakMegabytes": run.peak_megabytes,
    }
