"""Time zones: local times to instants, and back."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UTC_NAME: Final = "UTC"
_MINUTE: Final = timedelta(minutes=1)
_NOTHING: Final = timedelta()


@lru_cache(64)
def zone_of(name: str) -> tzinfo:
    """Find a zone by its name in IANA's database.

    Raises:
        ValueError: There is no zone of this name.
    """
    if name == UTC_NAME:
        return UTC
    if name not in _names():
        raise ValueError("there is no zone of this name")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("this zone can't be read") from error


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant of a local time, in UTC.

    A local time that is skipped is read with the offset before the skip, and of one
    that occurs twice the second is taken, as PostgreSQL does. So a day whose midnight
    is skipped begins with the skip.

    Args:
        wall: The local time, without a zone.
        zone: The zone.

    Raises:
        OverflowError: In UTC it lies beyond the years 1 to 9999.
    """
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(both)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which a day begins; raises as ``instant_of``."""
    return instant_of(datetime.combine(day, time()), zone)


def shown(moment: datetime, zone: tzinfo) -> datetime:
    """Return an instant as a zone's local time.

    In UTC where RFC 3339 can't express it: beyond the calendar's years, and where the
    zone's offset had seconds, as most had before there were time zones.
    """
    try:
        there = moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)
    offset = there.utcoffset()
    return there if offset is None or offset % _MINUTE == _NOTHING else moment.astimezone(UTC)


@lru_cache(1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
