"""Split a period into whole buckets, long ones first, and the ragged ends around them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from functions.parameters import Period
from runtime.postgres.granularity import EPOCH, START_OF, Granularity, end_of

Bound = datetime | None
Span = tuple[Bound, Bound]
"""Start and exclusive end; None for no bound."""

_LAST: Final = datetime.max.replace(tzinfo=UTC)
_EMPTY: Final[Span] = (EPOCH, EPOCH)


class Segments(NamedTuple):
    """A period in parts.

    Attributes:
        whole: Spans of whole buckets, with the buckets' length; only the first may
            have no bound.
        ragged: The rest.
    """

    whole: Sequence[tuple[Granularity, Span]]
    ragged: Sequence[Span]


def split(period: Period, granularities: Sequence[Granularity]) -> Segments:
    """Split a period: its whole buckets, shorter ones before and after them, the ragged ends.

    Args:
        period: What to split.
        granularities: The buckets' lengths, longest first.
    """
    longest, *shorter = granularities
    whole, before, after = _part(period.start, period.end, longest)
    segments = [(longest, whole)]
    for granularity in shorter:
        if whole is _EMPTY:  # no whole bucket fits: the rest lies in ``before`` alone
            whole, before, after = _part(*before, granularity)
            segments.append((granularity, whole))
        else:
            first, last = _ceil(before[0], granularity), _floor(after[1], granularity)
            segments += [(granularity, (first, before[1])), (granularity, (after[0], last))]
            before, after = (before[0], first), (last, after[1])
    return Segments(
        [segment for segment in segments if _is_any(segment[1])],
        [span for span in (before, after) if _is_any(span)],
    )


def _is_any(span: Span) -> bool:
    start, end = span
    return start is None or start != end


def _part(start: Bound, end: Bound, granularity: Granularity) -> tuple[Span, Span, Span]:
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
