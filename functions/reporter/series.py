"""A series of buckets: those that have something, and the empty ones between."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from functions.errors import Fault, Invalid
from functions.ports import Interval

MAX_BUCKETS: Final = 100_000
"""More than eleven years of hours, six megabytes of JSON; a client of more asks in parts."""

_MONTHS = 12
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def buckets_of(found: Sequence[datetime], interval: Interval) -> tuple[Iterable[datetime], bool]:
    """List every bucket from the first that was found to the last, by first instants.

    Where they would be more than ``MAX_BUCKETS``, as one event with a wild
    clock makes them, the empty ones are left out.

    Args:
        found: First instants in UTC, oldest first; may be empty.
        interval: How long the buckets are.

    Returns:
        The buckets, oldest first, and whether the empty ones were left out.

    Raises:
        Invalid: Those that are not empty are more than ``MAX_BUCKETS``.
    """
    if len(found) > MAX_BUCKETS:
        message = f"Should give at most {MAX_BUCKETS} buckets: ask for longer ones or less time"
        raise Invalid([Fault("interval", "too_many_buckets", message)])
    if not found:
        return (), False
    if _steps(found[0], found[-1], interval) >= MAX_BUCKETS:
        return found, True
    return _walk(found[0], found[-1], interval), False


def _steps(first: datetime, last: datetime, interval: Interval) -> int:
    if interval == "month":
        return (last.year - first.year) * _MONTHS + last.month - first.month
    return (last - first) // _LENGTHS[interval]


def _walk(first: datetime, last: datetime, interval: Interval) -> Iterator[datetime]:
    bucket = first
    while bucket < last:
        yield bucket
        bucket = _next(bucket, interval)
    yield last


def _next(bucket: datetime, interval: Interval) -> datetime:
    if interval != "month":
        return bucket + _LENGTHS[interval]
    years, month = divmod(bucket.month, _MONTHS)
    return bucket.replace(year=bucket.year + years, month=month + 1)
