"""Sixteen bodies of 21 MB at once, 336 MB: more than the gateway holds."""

from functools import partial

from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import Options, Result, repeat, result_of
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.large import GATEWAY_PEAK, SMALL_P99
from tests.benchmarks.load import Plan
from tests.benchmarks.measure import Run, run_once
from tests.benchmarks.system import fresh_system

ANSWERED = Goal("requests answered neither 202 nor 503", "≤", 0)

_PLAN = Plan(Batch(16, 50_000), connections=16, beside=Batch(8_000, 1), pause_seconds=0.01)
_QUICK = 0.5


async def many_large(options: Options) -> Result:
    """Send them together, and single events one after another beside them."""
    share = options.size(1, _QUICK)
    async with fresh_system(options.data_dir) as system:
        runs = await repeat(options, partial(run_once, system, _PLAN.scaled(share)))
    outcomes = [
        Outcome(ANSWERED, [float(_unanswered(run)) for run in runs]),
        Outcome(Goal("answered 503"), [run.sent.statuses[503] for run in runs]),
        Outcome(Goal("all answered, s"), [run.sent.seconds for run in runs]),
        Outcome(SMALL_P99, [run.sent.beside_ms["p99"] for run in runs]),
        Outcome(GATEWAY_PEAK, [run.peak_megabytes["gateway"] for run in runs]),
    ]
    return result_of(runs, outcomes, {})


def _unanswered(run: Run) -> int:
    return run.sent.statuses.total() - run.sent.statuses[202] - run.sent.statuses[503]
