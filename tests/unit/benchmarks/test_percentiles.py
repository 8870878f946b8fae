import math

import pytest

from tests.benchmarks.percentiles import gained, histogram_percentile, percentile


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (99, 10), (10, 1), (0, 1)])
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(percent: float, expected: int) -> None:
    samples = [3, 1, 2, 10, 9, 8, 7, 6, 5, 4]

    found = percentile(samples, percent)

    assert found == expected


def test_no_samples_have_no_percentile() -> None:
    assert math.isnan(percentile([], 99))


def test_a_histogram_gains_the_new_observations() -> None:
    before = {1.0: 2.0, math.inf: 3.0}
    after = {1.0: 5.0, 2.0: 5.0, math.inf: 9.0}

    assert gained(before, after) == {1.0: 3.0, 2.0: 5.0, math.inf: 6.0}


def test_a_percentile_of_a_histogram_lies_straight_between_its_bounds() -> None:
    buckets = {1.0: 50.0, 2.0: 100.0, math.inf: 100.0}

    assert histogram_percentile(buckets, 50) == 1.0
    assert histogram_percentile(buckets, 75) == 1.5


def test_what_is_beyond_the_last_bound_counts_as_that_bound() -> None:
    assert histogram_percentile({1.0: 1.0, 5.0: 2.0, math.inf: 100.0}, 99) == 5.0


@pytest.mark.parametrize("buckets", [{}, {1.0: 0.0, math.inf: 0.0}])
def test_a_histogram_without_observations_has_no_percentile(buckets: dict[float, float]) -> None:
    assert math.isnan(histogram_percentile(buckets, 99))
