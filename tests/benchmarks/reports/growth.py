"""The growth of the tables while events are loaded: rows per second, and bytes on disk."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from functions.collecting import Collected
from tests.benchmarks.case import say
from tests.benchmarks.table import markdown, number

_TENTHS = 10
_SMALL = 0.5
"""Bytes per event; smaller relations are left out of the table."""
_SIZES = """
    SELECT relname, CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
    ORDER BY 2 DESC
"""


@dataclass(frozen=True, slots=True)
class Tenth:
    """The tables after one more tenth of the events.

    Attributes:
        rows: All events stored by then.
        rows_a_second: New rows per second, within this tenth.
        relation_bytes: Bytes on disk of each table, without its indexes, and of each index.
    """

    rows: int
    rows_a_second: float
    relation_bytes: dict[str, int]

    @property
    def bytes_an_event(self) -> float:
        """Bytes of all tables and indexes, per event."""
        return sum(self.relation_bytes.values()) / self.rows


@dataclass(slots=True)
class Loaded:
    """The result of loading.

    Attributes:
        sent: Events, including repeated ones.
        different: Distinct events.
        stored: New ones.
        invalid: Refused events; there should be none.
        again: Events redelivered afterwards.
        stored_again: Those of them that were stored; there should be none.
        tenths: In their order.
    """

    sent: int = 0
    different: int = 0
    stored: int = 0
    invalid: int = 0
    again: int = 0
    stored_again: int = 0
    tenths: list[Tenth] = field(default_factory=list)


class Growth:
    """Sums the processes' reports, and measures the tables ten times."""

    def __init__(self, loaded: Loaded, events: int, database: asyncpg.Connection) -> None:
        self.loaded = loaded
        self._events = events
        self._database = database
        self._looking = asyncio.Lock()
        self._rows, self._since = 0, 0.0

    async def add(self, collected: Collected) -> None:
        loaded = self.loaded
        loaded.stored += collected.stored
        loaded.sent += collected.stored + collected.duplicates
        loaded.invalid += collected.rejected + collected.refused
        if not self._since:  # the clock starts with the first batch, because processes start slowly
            self._rows, self._since = loaded.stored, time.monotonic()
        elif loaded.sent * _TENTHS >= self._events * (len(loaded.tenths) + 1):
            await self._look()
        say(f"loading: {loaded.sent:,} of {self._events:,} events, {self._last_rate()} rows/s")

    async def _look(self) -> None:
        now = time.monotonic()
        tenth = Tenth(
            rows=self.loaded.stored,
            rows_a_second=(self.loaded.stored - self._rows) / (now - self._since),
            relation_bytes={},
        )
        self.loaded.tenths.append(tenth)
        self._rows, self._since = tenth.rows, now
        async with self._looking:
            sizes = await self._database.fetch(_SIZES)
        tenth.relation_bytes.update(dict(map(tuple, sizes)))

    def _last_rate(self) -> str:
        tenths = self.loaded.tenths
        return number(tenths[-1].rows_a_second) if tenths else "…"

    def add_again(self, collected: Collected) -> None:
        self.loaded.again += collected.stored + collected.duplicates
        self.loaded.stored_again += collected.stored


def growth_table(loaded: Loaded) -> str:
    """List rows per second and bytes per event at the first tenth, the middle and the end."""
    shown = [loaded.tenths[place] for place in (0, len(loaded.tenths) // 2, -1)]
    relations = [
        name for name, size in shown[-1].relation_bytes.items() if size / shown[-1].rows >= _SMALL
    ]
    return markdown(
        [
            ("loading", *(f"{tenth.rows:,} rows" for tenth in shown)),
            ("rows/s, this tenth", *(number(tenth.rows_a_second) for tenth in shown)),
            *(_bytes_an_event(name, shown) for name in relations),
            ("bytes an event, all", *(number(tenth.bytes_an_event) for tenth in shown)),
        ]
    )


def _bytes_an_event(relation: str, tenths: Sequence[Tenth]) -> tuple[str, ...]:
    sizes = (tenth.relation_bytes.get(relation, 0) / tenth.rows for tenth in tenths)
    return (f"bytes an event, {relation}", *map(number, sizes))
