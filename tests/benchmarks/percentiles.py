"""Percentiles of samples, and of a histogram's increase."""

import math
from collections.abc import Mapping, Sequence

Buckets = Mapping[float, float]
"""Observations up to each upper bound, cumulative, as Prometheus has them."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that so many percent do not exceed; NaN without samples."""
    if not samples:
        return math.nan
    return sorted(samples)[max(0, math.ceil(len(samples) * percent / 100) - 1)]


def gained(before: Buckets, after: Buckets) -> dict[float, float]:
    """Subtract what a histogram had before."""
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


def histogram_percentile(buckets: Buckets, percent: float) -> float:
    """Estimate a percentile, straight between two bounds; NaN without observations."""
    bounds = sorted(buckets)
    needed = buckets[bounds[-1]] * percent / 100 if bounds else 0.0
    if not needed:
        return math.nan
    lower, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= needed:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (needed - below) / (buckets[bound] - below)
        lower, below = bound, buckets[bound]
    return lower
