"""How long the disk lasts, as events come now."""

from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from runtime.postgres.sql import load

DATABASE_GROWTH = load(__file__, "database_growth")

_ENOUGH: Final = 10_000
"""Of fewer events, what the database has besides them would be taken for theirs."""

_HOURS: Final = 24
_ANSWER_SECONDS: Final = 5.0


class Growth(NamedTuple):
    """How the database grows.

    Attributes:
        size_bytes: The database's, without its log.
        events: How many it has, about.
        stored: Of an hour.
    """

    size_bytes: int
    events: int
    stored: int

    def days_left(self, disk_bytes: int) -> float | None:
        """Tell in how many days the database has so many bytes; None where nobody can."""
        if self.events < _ENOUGH or not self.stored:
            return None
        bytes_a_day = self.size_bytes / self.events * self.stored * _HOURS
        return max(0, disk_bytes - self.size_bytes) / bytes_a_day


async def measure_growth(
    database: asyncpg.Pool | asyncpg.Connection | PoolConnectionProxy, *, last: bool = False
) -> Growth:
    """Measure it by what was stored in an hour: the one until now, or the last one that had some.

    Events that came in no envelope are in no hour.
    """
    [growth] = await database.fetch(DATABASE_GROWTH, last)
    return Growth(*growth)


async def disk_days(database_url: str, disk_bytes: int) -> float | None:
    """Tell how many days a disk lasts at the rate of the last hour that had events.

    Returns:
        None where nobody can tell, the database's silence included.
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
