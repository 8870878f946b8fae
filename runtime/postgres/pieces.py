"""A period of time as whole hours, the whole minutes around them, and the ragged ends."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from functions.ports import Period

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Pieces(NamedTuple):
    """Five half-open pieces that make up a period; one that ends where it starts is empty.

    Attributes:
        hours_start: First whole hour; None is no bound.
        hours_end: End of the last whole hour; None is no bound.
        minutes_head_start: The whole minutes before the hours.
        minutes_head_end: Where the hours start.
        minutes_tail_start: The whole minutes after the hours.
        minutes_tail_end: Where the last of them ends.
        head_start: The piece of a minute before all.
        head_end: Where whole minutes start.
        tail_start: The piece of a minute after all.
        tail_end: Where the period ends.
    """

    hours_start: datetime | None = _EPOCH
    hours_end: datetime | None = _EPOCH
    minutes_head_start: datetime = _EPOCH
    minutes_head_end: datetime = _EPOCH
    minutes_tail_start: datetime = _EPOCH
    minutes_tail_end: datetime = _EPOCH
    head_start: datetime = _EPOCH
    head_end: datetime = _EPOCH
    tail_start: datetime = _EPOCH
    tail_end: datetime = _EPOCH


def split(period: Period) -> Pieces:
    """Split a period; one within a minute is all head, one within an hour has no hours."""
    start, end = period.start, period.end
    first, last = start and _ceil(start, _MINUTE), end and _floor(end, _MINUTE)
    if start and end and first and last and first >= last:
        return Pieces(head_start=start, head_end=end)
    ragged = _around(Pieces(), "head", "tail", (start, first), (last, end))
    first_hour, last_hour = first and _ceil(first, _HOUR), last and _floor(last, _HOUR)
    if first and last and first_hour and last_hour and first_hour >= last_hour:
        return ragged._replace(minutes_head_start=first, minutes_head_end=last)
    minutes = _around(
        ragged, "minutes_head", "minutes_tail", (first, first_hour), (last_hour, last)
    )
    return minutes._replace(hours_start=first_hour, hours_end=last_hour)


_Bounds = tuple[datetime | None, datetime | None]


def _around(pieces: Pieces, head: str, tail: str, before: _Bounds, after: _Bounds) -> Pieces:
    """Set a piece before and a piece after, where the period has that bound."""
    for name, (start, end) in ((head, before), (tail, after)):
        if start and end:
            pieces = pieces._replace(**{f"{name}_start": start, f"{name}_end": end})
    return pieces


def _floor(moment: datetime, unit: timedelta) -> datetime:
    if unit == _MINUTE:
        return moment.replace(second=0, microsecond=0)
    return moment.replace(minute=0, second=0, microsecond=0)


def _ceil(moment: datetime, unit: timedelta) -> datetime:
    floor = _floor(moment, unit)
    if moment == floor:
        return moment
    # What follows the last unit cannot be said; the last instant, which the
    # driver takes for infinity, parts the same rows.
    return floor + unit if _LAST - floor > unit else _LAST
