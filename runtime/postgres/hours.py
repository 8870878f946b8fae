"""A period of time as whole hours and the ragged ends around them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from functions.ports import Period

_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Hours(NamedTuple):
    """Three half-open pieces that make up a period; one that ends where it starts is empty.

    Attributes:
        start: First whole hour; None is no bound.
        end: End of the last whole hour; None is no bound.
        head_start: The piece before the whole hours.
        head_end: Where the whole hours start.
        tail_start: The piece after the whole hours.
        tail_end: Where the period ends.
    """

    start: datetime | None
    end: datetime | None
    head_start: datetime = _EPOCH
    head_end: datetime = _EPOCH
    tail_start: datetime = _EPOCH
    tail_end: datetime = _EPOCH


def split(period: Period) -> Hours:
    """Split a period, which may lie within one hour: then it is all head."""
    start, end = period.start, period.end
    if start and end and _ceil(start) >= _floor(end):
        return Hours(_EPOCH, _EPOCH, head_start=start, head_end=end)
    hours = Hours(None, None)
    if start:
        hours = hours._replace(start=_ceil(start), head_start=start, head_end=_ceil(start))
    if end:
        hours = hours._replace(end=_floor(end), tail_start=_floor(end), tail_end=end)
    return hours


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    floor = _floor(moment)
    if moment == floor:
        return moment
    # The hour after the last cannot be said; the last instant, which the
    # driver takes for infinity, parts the same rows.
    return floor + _HOUR if _LAST - floor > _HOUR else _LAST
