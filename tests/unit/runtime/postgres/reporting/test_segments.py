"""A period in whole buckets and partial ends: every instant once, and no others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.parameters import Period
from runtime.postgres.granularity import START_OF, Granularity
from runtime.postgres.reporting.segments import split

ALL: tuple[Granularity, ...] = ("month", "day", "hour", "minute")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "whole", "ragged"),
    [
        (
            "2024-01-01T22:58:30",
            "2024-01-04T01:01:00.000001",
            [
                ("day", "2024-01-02T00:00:00", "2024-01-04T00:00:00"),
                ("hour", "2024-01-01T23:00:00", "2024-01-02T00:00:00"),
                ("hour", "2024-01-04T00:00:00", "2024-01-04T01:00:00"),
                ("minute", "2024-01-01T22:59:00", "2024-01-01T23:00:00"),
                ("minute", "2024-01-04T01:00:00", "2024-01-04T01:01:00"),
            ],
            [
                ("2024-01-01T22:58:30", "2024-01-01T22:59:00"),
                ("2024-01-04T01:01:00", "2024-01-04T01:01:00.000001"),
            ],
        ),
        (
            "2024-01-01T10:00:00",
            "2024-01-01T10:05:00",
            [("minute", "2024-01-01T10:00:00", "2024-01-01T10:05:00")],
            [],
        ),
        (
            "2024-01-01T10:00:01",
            "2024-01-01T10:00:02",
            [],
            [("2024-01-01T10:00:01", "2024-01-01T10:00:02")],
        ),
        ("2024-01-01T10:00:01", "2024-01-01T10:00:01", [], []),
    ],
)
def test_segments(
    start: str,
    end: str,
    whole: Sequence[tuple[Granularity, str, str]],
    ragged: Sequence[tuple[str, str]],
) -> None:
    segments = split(Period(at(start), at(end)), ("day", "hour", "minute"))

    assert segments.whole == [(each, (at(one), at(other))) for each, one, other in whole]
    assert segments.ragged == [(at(one), at(other)) for one, other in ragged]


def test_a_period_without_bounds_is_whole_buckets_without_bounds() -> None:
    assert split(Period(None, None), ("day", "hour")) == ([("day", (None, None))], [])


MOMENTS = st.builds(
    lambda moment, floor: floor(moment.replace(tzinfo=UTC)),
    st.datetimes(datetime(2023, 12, 30), datetime(2024, 3, 2)),  # noqa: DTZ001 - it is replaced
    st.sampled_from([*START_OF.values(), lambda moment: moment]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(
    st.tuples(MOMENTS, MOMENTS).map(sorted),
    st.sampled_from([ALL, ALL[1:], ALL[2:], ALL[3:], ALL[:3]]),
)
def test_every_instant_is_in_one_segment(
    bounds: Sequence[datetime], granularities: Sequence[Granularity]
) -> None:
    start, end = bounds
    segments = split(Period(start, end), granularities)

    spans = sorted([*(span for _, span in segments.whole), *segments.ragged])
    edges = [start, *(bound for span in spans for bound in span), end]
    assert edges[::2] == edges[1::2]  # each begins where the one before ends
    for granularity, span in segments.whole:
        assert [START_OF[granularity](bound) for bound in span if bound] == list(span)
    shortest = granularities[-1]
    for first, last in segments.ragged:
        assert first
        assert last
        assert START_OF[shortest](first) == START_OF[shortest](last - timedelta(microseconds=1))
