"""Split a period into whole buckets, long ones first, and the ragged ends around them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from functions.parameters import Period
from runtime.postgres.granularity import EPOCH, START_OF, Granularity, end_of

Bound = datetime | None
_Segment = tuple[Bound, Bound]

_LAST: Final = datetime.max.replace(tzinfo=UTC)
_EMPTY: Final[_Segment] = (EPOCH, EPOCH)


def split(period: Period, granularities: Sequence[Granularity]) -> list[Bound]:
    """Split a period into half-open segments; an empty one ends where it starts.

    Args:
        period: What to split.
        granularities: The buckets' lengths, longest first.

    Returns:
        Starts and ends in turn: first of the whole longest buckets (the only
        segment in which None means no bound), then for each shorter granularity
        of the segments before and after, at last of the two ragged ends.
    """
    longest, *shorter = granularities
    whole, before, after = _part(period.start, period.end, longest)
    segments = [whole]
    for granularity in shorter:
        if whole is _EMPTY:  # no whole bucket fits: the rest lies in ``before`` alone
            whole, before, after = _part(*before, granularity)
            segments += [whole, _EMPTY]
        else:
            first, last = _ceil(before[0], granularity), _floor(after[1], granularity)
            segments += [(first, before[1]), (after[0], last)]
            before, after = (before[0], first), (last, after[1])
    return [bound for segment in [*segments, before, after] for bound in segment]


def _part(
    start: Bound, end: Bound, granularity: Granularity
) -> tuple[_Segment, _Segment, _Segment]:
    """Find the whole buckets of a period, and the parts before and after them.

    Without a whole bucket, all of the period is the part before.
    """
    first, last = _ceil(start, granularity), _floor(end, granularity)
    if start and end and first and last and first >= last:
        return _EMPTY, (start, end), _EMPTY
    return (first, last), (start, first) if start else _EMPTY, (last, end) if end else _EMPTY


def _floor(moment: Bound, granularity: Granularity) -> Bound:
    return moment and START_OF[granularity](moment)


def _ceil(moment: Bound, granularity: Granularity) -> Bound:
    floor = _floor(moment, granularity)
    if floor is None or floor == moment:
        return moment
    try:
        return end_of(granularity, floor)
    except OverflowError:
        # The calendar has nothing after the last bucket; the last instant, which the
        # driver sends as infinity, separates the same rows.
        return _LAST
