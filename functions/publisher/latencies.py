"""Latencies of any number of requests, in constant memory."""

import math
from collections import Counter
from typing import Final, TypedDict

_STEPS_PER_E: Final = 200
"""Half a percent between two steps: finer than the difference between any two runs."""

_PERCENTILES: Final = (50, 95, 99)


class LatencySummary(TypedDict):
    """Percentiles within half a percent, and the exact maximum; None without a request."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Latencies:
    """The latencies of requests."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self._max_ms = 0.0

    def add(self, seconds: float) -> None:
        """Count one request."""
        milliseconds = max(seconds * 1000, 1e-3)
        self._steps[round(math.log(milliseconds) * _STEPS_PER_E)] += 1
        self._max_ms = max(self._max_ms, milliseconds)

    def summary(self) -> LatencySummary:
        """Return the median, the high percentiles and the maximum, in milliseconds."""
        if not self._steps:
            return {"p50": None, "p95": None, "p99": None, "max": None}
        p50, p95, p99 = map(self._percentile, _PERCENTILES)
        return {"p50": p50, "p95": p95, "p99": p99, "max": round(self._max_ms, 3)}

    def _percentile(self, percent: int) -> float:
        needed = math.ceil(self._steps.total() * percent / 100)
        steps = sorted(self._steps)
        for step in steps:
            needed -= self._steps[step]
            if needed <= 0:
                break
        return round(min(math.exp(step / _STEPS_PER_E), self._max_ms), 3)
