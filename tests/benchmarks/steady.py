"""The publisher's own traffic: an array of random size each second, overlapping."""

import asyncio
import json
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.benchmarks.arrays import RATE
from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import Options, Result, repeat, result_of
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.load import Plan, Sent
from tests.benchmarks.measure import Run, measured
from tests.benchmarks.raw import RawLimits, raw_limits
from tests.benchmarks.system import System, fresh_system

REFUSED = Goal("requests not answered 202", "≤", 0)
FRESHNESS = Goal("freshness p99, s", "≤", 5)
BACKLOG = Goal("backlog, last third less first, messages", "≤", 42)
"""The allowed growth: the largest request has 21 MB."""

_SECONDS, _QUICK_SECONDS, _WARM_UP_SECONDS = 300, 30, 5
_MEAN = Plan(Batch(8, 25_500), connections=1)


async def steady(options: Options) -> Result:
    """Run the project's publisher as beside ``eps up``."""
    seconds = round(options.size(_SECONDS, _QUICK_SECONDS))
    async with fresh_system(options.data_dir) as system:
        await _run(system, _WARM_UP_SECONDS)
        runs = await repeat(options, partial(_run, system, seconds))
        raw = await raw_limits(system, runs[-1], _MEAN, options.data_dir)
    return result_of(runs, _judge(runs, raw), raw.record())


async def _run(system: System, seconds: int) -> Run:
    return await measured(system, partial(_publish, system.gateway_url, seconds))


async def _publish(url: str, seconds: int) -> Sent:
    used = _children_seconds()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "publish", "--url", url, "--requests", str(seconds)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return _sent(json.loads(output), time.monotonic(), _children_seconds() - used)


def _sent(summary: dict[str, Any], ended: float, processor_seconds: float) -> Sent:
    statuses = {int(s) if s.isdigit() else 0: n for s, n in summary["byStatus"].items()}
    return Sent(
        began=ended - summary["durationSeconds"],
        ended=ended,
        processor_seconds=processor_seconds,
        latency_ms=summary["latencyMilliseconds"],
        statuses=Counter(statuses),
        accepted=sum(kind["count"] for kind in summary["acknowledged"]["events"]),
    )


def _children_seconds() -> float:
    """Return the processor time of ended children: the publisher makes bodies in one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _judge(runs: Sequence[Run], raw: RawLimits) -> Sequence[Outcome]:
    return [
        Outcome(REFUSED, [run.sent.statuses.total() - run.sent.statuses[202] for run in runs]),
        Outcome(BACKLOG, [growth(run.backlog) for run in runs]),
        Outcome(FRESHNESS, [run.freshness_p99 for run in runs]),
        Outcome(Goal("catching up at the end, s"), [run.catching_up_seconds for run in runs]),
        Outcome(Goal(RATE.figure), [run.events_a_second for run in runs], raw.rates),
        Outcome(
            Goal("processor seconds a million, bodies made too"),
            [run.total_a_million for run in runs],
            raw.costs,
        ),
        Outcome(
            Goal("answers, p99, ms"),
            [run.sent.latency_ms["p99"] for run in runs],
            [("uvicorn, 25,500 events", raw.http_p99_ms)],
        ),
    ]


def growth(backlog: Sequence[int]) -> float:
    """Compare the middle of the last third of the samples with that of the first."""
    third = len(backlog) // 3
    if not third:
        return 0.0
    return statistics.median(backlog[-third:]) - statistics.median(backlog[:third])
