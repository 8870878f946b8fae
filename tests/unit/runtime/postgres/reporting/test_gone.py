"""The parts of a period that a report counts by rows."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.parameters import Interval, Period
from runtime.postgres.reporting.gone import pieces_of_rows

NEW = datetime(2024, 1, 1, tzinfo=UTC)
OLD = datetime(1900, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("start", "interval", "zone", "until"),
    [
        (OLD, "day", "UTC", None),
        (OLD, None, "Europe/Kyiv", None),
        (NEW, "day", "Europe/Kyiv", None),
        (None, "day", "Etc/GMT+3", None),
        (None, "day", "Europe/Kyiv", 1931),  # apart from UTC by 2:02:04 until 1924
        (OLD, "hour", "Africa/Monrovia", 1974),  # by 0:44:30 until January 1972
    ],
)
def test_clocks_that_were_apart_by_seconds_cut_minutes(
    start: datetime | None, interval: Interval | None, zone: str, until: int | None
) -> None:
    period = Period(start, NEW + SECOND)

    pieces = pieces_of_rows(period, [(NEW, NEW + SECOND)], interval, zone)

    odd = pieces[1:]
    assert pieces[0] == (NEW, NEW + SECOND)
    if until is None:
        assert odd == []
    else:
        [(begin, end)] = odd
        assert begin == start
        assert end is not None
        assert end.year <= until
