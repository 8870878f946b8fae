"""Read events from the database page by page, however many there are."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from functions.events import Source
from functions.parameters import Period
from runtime.postgres.errors import translated
from runtime.postgres.sql import load

EVENTS_PAGE = load(__file__, "events_page")

_PAGE_ROWS: Final = 2_000
"""A megabyte of the publisher's events: larger pages would not be faster."""

_PAGE_BYTES: Final = 8 * 1024**2
"""With large events a page has fewer; a larger single event is a page of its own."""

Page = Sequence[asyncpg.Record]


async def read_pages(
    pool: asyncpg.Pool, period: Period, source: Source | None
) -> AsyncIterator[Page]:
    """Read the events of a period by time, then by key; no page is empty.

    Each page is a statement of its own, so that no transaction stays open while the
    reader is slow. Events stored meanwhile, before the place reached, are left out;
    none comes twice.

    Raises:
        Unavailable: The database can't be asked now.
    """
    start: datetime | None = period.start
    after: bytes | None = None
    while True:
        with translated():
            page = await pool.fetch(
                EVENTS_PAGE, start, after, period.end, source, _PAGE_ROWS, _PAGE_BYTES
            )
        if not page:
            return
        yield page
        start, after = page[-1]["occurred_at"], page[-1]["id"]
