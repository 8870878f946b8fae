"""Bodies of 21 MB: their cost for other requests, and the gateway's memory."""

from collections.abc import Sequence
from functools import partial

from tests.benchmarks.bodies import Batch
from tests.benchmarks.case import Options, Result, repeat, result_of
from tests.benchmarks.goals import Goal, Outcome
from tests.benchmarks.load import Plan, Sent, made
from tests.benchmarks.measure import Run, run_once
from tests.benchmarks.raw_http import raw_http
from tests.benchmarks.system import fresh_system

SMALL_P99 = Goal("small POST, p99, ms", "≤", 100)
GATEWAY_PEAK = Goal("gateway's peak memory, MB", "≤", 400)

_EVENTS = 50_000
_BESIDE = Plan(Batch(12, _EVENTS), connections=2, beside=Batch(4_000, 1), pause_seconds=0.01)
_AT_ONCE = Plan(Batch(4, _EVENTS), connections=4)
_QUICK = 1 / 3


async def small_beside_large(options: Options) -> Result:
    """Send single events one after another while two bodies of 21 MB are always arriving."""
    plan = _BESIDE.scaled(options.size(1, _QUICK))
    runs, bare, bare_peak = await _runs(plan, options)
    return result_of(runs, _judge_small(runs, bare), _raw(bare, bare_peak))


def _judge_small(runs: Sequence[Run], bare: Sent) -> Sequence[Outcome]:
    return [
        Outcome(
            SMALL_P99,
            [run.sent.beside_ms["p99"] for run in runs],
            [("uvicorn", bare.beside_ms["p99"])],
        ),
        Outcome(
            Goal("small POST, p50, ms"),
            [run.sent.beside_ms["p50"] for run in runs],
            [("uvicorn", bare.beside_ms["p50"])],
        ),
        Outcome(
            Goal("21 MB body, p50, ms"),
            [run.sent.latency_ms["p50"] for run in runs],
            [("uvicorn", bare.latency_ms["p50"])],
        ),
    ]


async def four_large(options: Options) -> Result:
    """Send four bodies of 21 MB at once."""
    runs, bare, bare_peak = await _runs(_AT_ONCE, options)
    peaks = [run.peak_megabytes["gateway"] for run in runs]
    took = [run.sent.seconds * 1000 for run in runs]
    outcomes = [
        Outcome(GATEWAY_PEAK, peaks, [("uvicorn", bare_peak)]),
        Outcome(Goal("all four answered, ms"), took, [("uvicorn", bare.seconds * 1000)]),
    ]
    return result_of(runs, outcomes, _raw(bare, bare_peak))


async def _runs(plan: Plan, options: Options) -> tuple[list[Run], Sent, float]:
    async with fresh_system(options.data_dir) as system:
        await run_once(system, Plan(Batch(1, _EVENTS), connections=1))
        runs = await repeat(options, partial(run_once, system, plan))
        async with made(plan) as load:
            return runs, *await raw_http(load)


def _raw(bare: Sent, bare_peak: float) -> dict[str, float]:
    return {
        "uvicornSmallP99Milliseconds": bare.beside_ms.get("p99", 0.0),
        "uvicornLargeP50Milliseconds": bare.latency_ms["p50"],
        "uvicornSeconds": bare.seconds,
        "uvicornPeakMegabytes": bare_peak,
    }
