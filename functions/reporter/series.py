"""A series of buckets: those with data, and the empty ones between them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any, Final

from functions.errors import Fault, Invalid
from functions.parameters import Interval
from functions.zones import midnight, shown

MAX_BUCKETS: Final = 100_000
"""More than eleven years of hours, six megabytes of JSON; clients ask for more in parts."""

_MONTHS = 12
_LENGTHS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
}
"""A bucket's length; a month's at the least."""


def buckets_of(
    found: Sequence[datetime], interval: Interval, zone: tzinfo
) -> tuple[Sequence[datetime], bool]:
    """List every bucket from the first one found to the last, by first instants.

    If they would be more than ``MAX_BUCKETS``, as when one event has a wrong clock,
    the empty ones are left out.

    Args:
        found: First instants in UTC, oldest first; may be empty.
        interval: The buckets' length.
        zone: Where they begin.

    Returns:
        The buckets, oldest first, in UTC, and whether the empty ones were left out.

    Raises:
        Invalid: There are more than ``MAX_BUCKETS`` that are not empty.
    """
    check_length(found)
    if not found:
        return (), False
    walk = islice(_walk(found[0], found[-1], interval, zone), MAX_BUCKETS + 1)
    if (found[-1] - found[0]) // _LENGTHS[interval] > 2 * MAX_BUCKETS:
        return found, True
    # The database has time zone data of its own: the buckets that it found are always listed.
    listed = sorted({*walk, *found})
    return (found, True) if len(listed) > MAX_BUCKETS else (listed, False)


def check_length(found: Sequence[Any]) -> None:
    """Check that a series is short enough.

    Raises:
        Invalid: It has more than ``MAX_BUCKETS`` buckets.
    """
    if len(found) > MAX_BUCKETS:
        message = (
            f"Should give at most {MAX_BUCKETS} buckets: use a longer interval or a shorter range"
        )
        raise Invalid([Fault("interval", "too_many_buckets", message)])


def buckets_between(
    start: datetime, end: datetime, interval: Interval, zone: tzinfo
) -> list[datetime]:
    """List the buckets that a period touches, including empty ones, at most ``MAX_BUCKETS``.

    Args:
        start: Its first instant, UTC.
        end: The instant after its last.
        interval: The buckets' length.
        zone: Where they begin.
    """
    first = beginning_of(start, interval, zone)
    last = beginning_of(end - timedelta(microseconds=1), interval, zone)
    return list(islice(_walk(first, max(first, last), interval, zone), MAX_BUCKETS))


def beginning_of(moment: datetime, interval: Interval, zone: tzinfo) -> datetime:
    """Return the first instant of the bucket that contains a time, UTC."""
    wall = shown(moment, zone)
    if interval in ("minute", "hour"):
        minute = 0 if interval == "hour" else wall.minute
        begun = wall.replace(minute=minute, second=0, microsecond=0)
        return begun.astimezone(UTC)
    day = wall.date()
    if interval == "week":
        day -= timedelta(days=day.weekday())
    elif interval == "month":
        day = day.replace(day=1)
    return midnight(day, zone)


def _walk(first: datetime, last: datetime, interval: Interval, zone: tzinfo) -> Iterator[datetime]:
    if interval in ("minute", "hour"):
        yield from _by_the_clock(first, last, _LENGTHS[interval], zone)
    else:
        yield from _by_the_calendar(first, last, interval, zone)


def _by_the_clock(
    first: datetime, last: datetime, length: timedelta, zone: tzinfo
) -> Iterator[datetime]:
    """Advance in even steps; where the offset changes, to the zone's next bucket."""
    bucket = first
    while bucket < last:
        yield bucket
        bucket += length
        if zone is not UTC:
            wall = bucket.astimezone(zone)
            bucket -= timedelta(
                minutes=wall.minute if length > _LENGTHS["minute"] else 0,
                seconds=wall.second,
            )
    yield last


def _by_the_calendar(
    first: datetime, last: datetime, interval: Interval, zone: tzinfo
) -> Iterator[datetime]:
    bucket, day = first, shown(first, zone).date()
    while bucket < last:
        yield bucket
        day = _next(day, interval)
        bucket = midnight(day, zone)
    yield last


def _next(day: date, interval: Interval) -> date:
    if interval != "month":
        return day + _LENGTHS[interval]
    years, month = divmod(day.month, _MONTHS)
    return day.replace(year=day.year + years, month=month + 1)
