"""Timestamps: RFC 3339 date-times, read without pydantic."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_REMEMBERED: Final = 4096
"""Events come in order of time, and many share a millisecond: most timestamps were
read before."""


class Moment(datetime):
    """A timestamp with its offset.

    A type of its own, because msgspec's own datetime accepts more than RFC 3339:
    a space for the T, offsets without a colon, rounded digits.
    """


class UtcMoment(Moment):
    """A timestamp in UTC."""


@lru_cache(_REMEMBERED)
def read_moment(kind: type[Moment], text: Any) -> Moment:
    """Read a timestamp in its usual spelling; one in another spelling may also be valid.

    Digits beyond the microsecond are cut off.

    Raises:
        ValueError: It is not a timestamp, is spelled differently, or has no year in UTC.
        TypeError: It is not text.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not in the usual spelling of RFC 3339")
    moment = kind.fromisoformat(text)
    return moment if moment.tzinfo is UTC or kind is not UtcMoment else _to_utc(moment)


def _to_utc(moment: Moment) -> Moment:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not in the years 1 to 9999 of UTC") from error
