"""Valid events as the platforms would send them, made quickly from templates."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

from functions.publisher.draw import Generated
from functions.publisher.facebook import facebook_bottom, facebook_top
from functions.publisher.tiktok import tiktok_bottom, tiktok_top

SPAN_MS: Final = 1000
"""A request carries the events of one second."""

_GENERATORS: Final[tuple[Callable[[Random, str], Generated], ...]] = (
    facebook_top,
    facebook_bottom,
    tiktok_top,
    tiktok_bottom,
)


def generate(dice: Random, moment: str) -> Generated:
    """Make one valid event: sources and stages equally likely, types equally likely in their stage.

    Args:
        dice: The only source of randomness.
        moment: When it happened, RFC 3339.
    """
    return _GENERATORS[dice.getrandbits(2)](dice, moment)


def moments(started_ms: int, count: int) -> Iterator[str]:
    """Spread timestamps over a second, in order, as RFC 3339 in UTC with milliseconds.

    Args:
        started_ms: Where the second starts, in milliseconds since 1970.
        count: How many; values may repeat.
    """
    formatted_ms, moment = -1, ""
    for index in range(count):
        moment_ms = started_ms + index * SPAN_MS // count
        if moment_ms != formatted_ms:
            formatted_ms, moment = moment_ms, _rfc_3339(moment_ms)
        yield moment


def _rfc_3339(moment_ms: int) -> str:
    seconds, milliseconds = divmod(moment_ms, 1000)
    whole = datetime.fromtimestamp(seconds, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
