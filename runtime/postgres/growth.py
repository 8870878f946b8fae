"""How long the disk will last at the current rate of events."""

from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from runtime.postgres.sql import load

DATABASE_GROWTH = load(__file__, "database_growth")

_ENOUGH: Final = 10_000
"""With fewer events, the database's other contents would be attributed to them."""

_HOURS: Final = 24
_ANSWER_SECONDS: Final = 5.0


class Growth(NamedTuple):
    """The growth of the database.

    Attributes:
        size_bytes: The database's size, without its log.
        events: Its events, approximately.
        stored: Events stored in one hour.
    """

    size_bytes: int
    events: int
    stored: int

    def days_left(self, disk_bytes: int) -> float | None:
        """Return in how many days the database reaches a size; None if that can't be known."""
        if self.events < _ENOUGH or not self.stored:
            return None
        bytes_a_day = self.size_bytes / self.events * self.stored * _HOURS
        return max(0, disk_bytes - self.size_bytes) / bytes_a_day


async def measure_growth(
    database: asyncpg.Pool | asyncpg.Connection | PoolConnectionProxy, *, last: bool = False
) -> Growth:
    """Measure growth by the events of one hour: the hour until now, or the last one that had any.

    Events that came without an envelope are counted in no hour.
    """
    [growth] = await database.fetch(DATABASE_GROWTH, last)
    return Growth(*growth)


async def disk_days(database_url: str, disk_bytes: int) -> float | None:
    """Return how many days a disk lasts at the rate of the last hour that had events.

    Returns:
        None if that can't be known, including when the database does not answer.
    """
    try:
        connection = await asyncpg.connect(database_url, timeout=_ANSWER_SECONDS)
        try:
            growth = await measure_growth(connection, last=True)
        finally:
            await connection.close(timeout=_ANSWER_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return None
    return growth.days_left(disk_bytes)
