"""Retractions, metric snapshots and requests to erase, each stored once."""

from collections.abc import Sequence
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from functions.senders.notices import ErasureRow, MetricRow, NoticeRow, RetractionRow
from runtime.postgres.sql import load

ADD_RETRACTIONS = load(__file__, "add_retractions")
ADD_METRICS = load(__file__, "add_metrics")
ADD_ERASURES = load(__file__, "add_erasures")

_STATEMENTS: Final[Sequence[tuple[type[NoticeRow], str]]] = (
    (RetractionRow, ADD_RETRACTIONS),
    (MetricRow, ADD_METRICS),
    (ErasureRow, ADD_ERASURES),
)


async def add_notices(
    connection: PoolConnectionProxy, notices: Sequence[NoticeRow]
) -> Sequence[NoticeRow]:
    """Store notices in the caller's transaction; returns the new ones, each as first given."""
    new = list[NoticeRow]()
    for kind, statement in _STATEMENTS:
        rows = {row.id: row for row in reversed(notices) if isinstance(row, kind)}
        if rows:
            added = await connection.fetch(statement, *zip(*rows.values(), strict=True))
            new += [rows[key] for (key,) in added]
    return new
