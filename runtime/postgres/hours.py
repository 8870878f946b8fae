"""A period of time as whole hours and the ragged ends around them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from functions.ports import Period

_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR = datetime.max.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)


class Hours(NamedTuple):
    """Three half-open pieces that make up a period; one that ends where it starts is empty.

    Attributes:
        start: First whole hour; None is no bound.
        end: End of the last whole hour; None is no bound.
        head_start: The piece before the whole hours.
        head_end: None is no bound.
        tail_start: The piece after the whole hours.
        tail_end: Where the period ends.
    """

    start: datetime | None
    end: datetime | None
    head_start: datetime = _EPOCH
    head_end: datetime | None = _EPOCH
    tail_start: datetime = _EPOCH
    tail_end: datetime = _EPOCH


def split(period: Period) -> Hours:
    """Split a period, which may lie within one hour: then it is all head."""
    start, end = period.start, period.end
    if start and (start > _LAST_HOUR or (end and _ceil(start) >= _floor(end))):
        return Hours(_EPOCH, _EPOCH, head_start=start, head_end=end)
    hours = Hours(start and _ceil(start), end and _floor(end))
    if start:
        hours = hours._replace(head_start=start, head_end=hours.start)
    if end and hours.end:
        hours = hours._replace(tail_start=hours.end, tail_end=end)
    return hours


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    floor = _floor(moment)
    return moment if moment == floor else floor + _HOUR
