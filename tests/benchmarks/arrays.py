"""Arrays at full speed, and single events: events per second, and their cost."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import WARM_UP, Options, Result, repeat, result_of
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.load import Plan
from tests.benchmarks.measure import Run, run_once
from tests.benchmarks.raw import RawLimits, raw_limits
from tests.benchmarks.system import fresh_system

RATE = Goal("events/s to committed rows", "≥", 40_000)
COST = Goal("processor seconds a million events", "≤", 50)
DURABLE = Goal("durable 202s/s", "≥", 6_000)
SINGLE_P99 = Goal("p99, ms", "≤", 50)

Judge = Callable[[Sequence[Run], RawLimits], Sequence[Outcome]]


def rate_case(plan: Plan, quick: float, judge: Judge) -> Callable[[Options], Awaitable[Result]]:
    """Make a case that sends a plan at full speed.

    Args:
        plan: The requests of a run.
        quick: The share of it that a quick run sends.
        judge: Makes the outcomes.
    """

    async def run(options: Options) -> Result:
        sized = plan.scaled(options.size(1, quick))
        async with fresh_system(options.data_dir) as system:
            await run_once(system, sized.scaled(WARM_UP))
            runs = await repeat(options, partial(run_once, system, sized))
            raw = await raw_limits(system, runs[-1], sized, options.data_dir)
        return result_of(runs, judge(runs, raw), raw.record())

    return run


def judge_arrays(runs: Sequence[Run], raw: RawLimits) -> Sequence[Outcome]:
    """Judge arrays: their number and cost."""
    return [
        Outcome(RATE, [run.events_a_second for run in runs], raw.rates),
        Outcome(COST, [run.total_a_million for run in runs], raw.costs),
        Outcome(Goal("answers, p99, ms"), _p99(runs), [("uvicorn", raw.http_p99_ms)]),
    ]


def judge_singles(runs: Sequence[Run], raw: RawLimits) -> Sequence[Outcome]:
    """Judge single events: the number of answers and their latency."""
    broker = [(name, rate) for name, rate in raw.rates if name.startswith(("NATS", "uvicorn"))]
    stored = [(name, rate) for name, rate in raw.rates if name.startswith("COPY")]
    answered = [run.sent.statuses[202] / run.sent.seconds for run in runs]
    return [
        Outcome(DURABLE, answered, broker),
        Outcome(SINGLE_P99, _p99(runs), [("uvicorn", raw.http_p99_ms)]),
        Outcome(Goal(RATE.figure), [run.events_a_second for run in runs], stored),
        Outcome(Goal(COST.figure), [run.total_a_million for run in runs], raw.costs),
    ]


def _p99(runs: Sequence[Run]) -> list[float]:
    return [run.sent.latency_ms["p99"] for run in runs]


arrays_of_100 = rate_case(Plan(Batch(4_000, 100), connections=16), 0.25, judge_arrays)
arrays_of_20000 = rate_case(Plan(Batch(24, 20_000), connections=4), 0.25, judge_arrays)
single_events = rate_case(Plan(Batch(60_000, 1), connections=64), 0.1, judge_singles)
