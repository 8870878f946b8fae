"""Granularities of rollups, in UTC."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Granularity = Literal["minute", "hour", "day", "month"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

START_OF: Final[Mapping[Granularity, Callable[[datetime], datetime]]] = {
    "minute": lambda moment: moment.replace(second=0, microsecond=0),
    "hour": lambda moment: moment.replace(minute=0, second=0, microsecond=0),
    "day": lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0),
    "month": lambda moment: moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
}
"""The first instant of the bucket that contains a time in UTC."""


def end_of(granularity: Granularity, start: datetime) -> datetime:
    """Return the first instant after a bucket.

    Args:
        granularity: Its length.
        start: Its first instant.

    Raises:
        OverflowError: The calendar ends with the bucket.
    """
    match granularity:
        case "minute":
            return start + MINUTE
        case "hour":
            return start + HOUR
        case "day":
            return start + timedelta(days=1)
        case "month":
            return START_OF["month"](start + timedelta(days=31))
