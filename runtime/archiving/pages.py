"""Read events from the database page by page, however many there are."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.events import Source
from functions.parameters import Period
from runtime.postgres.errors import translated
from runtime.postgres.payloads import read_payloads, text_at
from runtime.postgres.sql import load

EVENTS_PAGE = load(__file__, "events_page")

_PAGE_ROWS: Final = 2_000
"""A megabyte of the publisher's events: larger pages would not be faster."""

_PAGE_BYTES: Final = 8 * 1024**2
"""With large events a page has fewer; a larger single event is a page of its own."""

_BLOCKS: Final = 32
"""How many blocks are unpacked at once, some 8 MB."""

_HELD_BYTES: Final = 64 * 1024**2
"""Of payloads that were found before their turn."""


class StoredRow(NamedTuple):
    """An event as it is stored, how it arrived, and its payload."""

    id: bytes
    user_key: bytes | None
    occurred_at: datetime
    accepted_at: datetime
    stored_at: datetime
    published_at: datetime | None
    stream_sequence: int | None
    source: str
    funnel_stage: str
    event_type: str
    event_id: str
    correlation_id: str
    trace_parent: str | None
    deliveries: int | None
    revenue: Decimal | None
    campaign_id: str | None
    watch_country: str | None
    watch_device: str | None
    watch_seconds: float | None
    percentage_watched: float | None
    channel: str
    currency: str | None
    order_id: str | None
    event_name: str | None
    mapping: str | None
    payload: str


_BEFORE_ID: Final = StoredRow._fields.index("event_id")

Page = Sequence[StoredRow]


async def read_pages(
    pool: asyncpg.Pool, period: Period, source: Source | None
) -> AsyncIterator[Page]:
    """Read the events of a period by time, then by key; no page is empty.

    Each page is a snapshot of its own, so that no transaction stays open while the
    reader is slow. Events stored meanwhile, before the place reached, are left out;
    none comes twice.

    Raises:
        Unavailable: The database can't be asked now.
    """
    start: datetime | None = period.start
    after: bytes | None = None
    while True:
        with translated():
            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                records = await connection.fetch(
                    EVENTS_PAGE, start, after, period.end, source, _PAGE_ROWS
                )
                page = await _with_payloads(connection, records)
        if not page:
            return
        yield page
        start, after = page[-1].occurred_at, page[-1].id


async def _with_payloads(
    connection: PoolConnectionProxy, records: Sequence[asyncpg.Record]
) -> Page:
    """Add ids and payloads to the first of the records, as many as a page may have."""
    found: dict[tuple[int, int], tuple[str, str]] = {}
    held, page = 0, _Page(found)
    for blocks in _by_block(records):
        for block, texts in (await read_payloads(connection, list(blocks))).items():
            for position in blocks[block]:
                found[block, position] = text_at(texts, position)
                held += len(found[block, position][1])
        if page.is_full_with(records) or held >= _HELD_BYTES:
            break
    return page.rows


class _Page:
    """Rows whose payloads were found, in order, up to the page's size."""

    def __init__(self, found: dict[tuple[int, int], tuple[str, str]]) -> None:
        self._found = found
        self._bytes = 0
        self.rows: list[StoredRow] = []

    def is_full_with(self, records: Sequence[asyncpg.Record]) -> bool:
        """Add those of the records that come next; returns whether the page is full."""
        for block, position, *facts in records[len(self.rows) :]:
            if self._bytes >= _PAGE_BYTES:
                return True
            texts = self._found.pop((block, position), None)
            if texts is None:
                return False
            event_id, payload = texts
            columns = (*facts[:_BEFORE_ID], event_id, *facts[_BEFORE_ID:], payload)
            self.rows.append(StoredRow._make(columns))
            self._bytes += len(payload)
        return False


def _by_block(records: Sequence[asyncpg.Record]) -> Iterator[dict[int, list[int]]]:
    """Yield some blocks at a time, in the order of their first event, with the positions asked."""
    positions: dict[int, list[int]] = {}
    for block, position, *_ in records:
        positions.setdefault(block, []).append(position)
    blocks = list(positions)
    for first in range(0, len(blocks), _BLOCKS):
        yield {block: positions[block] for block in blocks[first : first + _BLOCKS]}
