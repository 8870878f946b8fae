"""Refuse reports that would need rows that were let go."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.parameters import Interval, Period
from functions.zones import UTC_NAME, zone_of
from runtime.postgres.reporting.segments import Span
from runtime.postgres.sql import load

REPORT_GONE = load(__file__, "report_gone")

_ODD_YEARS: Final = range(1999, 1849, -1)
"""Years in which some offsets from UTC had seconds: Liberia's until 1972. Before railways
introduced standard time, all offsets had them."""


def pieces_of_rows(
    period: Period, ragged: Sequence[Span], interval: Interval | None, zone: str
) -> Sequence[Span]:
    """List the pieces of a period that a report counts from rows; usually there are none.

    Args:
        period: The whole.
        ragged: Its ragged ends.
        interval: Of the buckets; None for none.
        zone: Where buckets begin; in some zones that is inside a minute of UTC.
    """
    odd_until = _odd_until(zone) if interval is not None and zone != UTC_NAME else None
    if odd_until is None or (period.start is not None and period.start >= odd_until):
        return ragged
    return [
        *ragged,
        (period.start, odd_until if period.end is None else min(period.end, odd_until)),
    ]


async def check_rows(
    connection: PoolConnectionProxy, pieces: Sequence[Span], source: Source | None
) -> None:
    """Check that the rows of some pieces of time are still stored.

    Raises:
        Invalid: Some were let go.
    """
    if not pieces:
        return
    starts, ends = zip(*pieces, strict=True)
    kept_from = await connection.fetchval(REPORT_GONE, starts, ends, source)
    if kept_from is not None:
        message = (
            f"Needs rows from before {kept_from:%Y-%m-%dT%H:%M:%SZ}, which were archived: before "
            "that, only whole minutes can be reported, and demographics only by whole hours"
        )
        raise Invalid([Fault("from", "rows_archived", message)])


@lru_cache(maxsize=1_000)
def _odd_until(name: str) -> datetime | None:
    """Return the latest time at which a zone's offset had seconds; None for never."""
    zone = zone_of(name)
    odd = (year for year in _ODD_YEARS if _has_seconds(zone, year))
    year = next(odd, None)
    return None if year is None else datetime(year + 2, 1, 1, tzinfo=UTC)


def _has_seconds(zone: tzinfo, year: int) -> bool:
    offset = datetime(year, 1, 1, tzinfo=zone).utcoffset()
    return offset is not None and offset.seconds % 60 != 0
