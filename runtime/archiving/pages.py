"""Events of the database, page after page, however many there are."""

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
"""Of the publisher's, a megabyte: more at once would not be faster."""

_PAGE_BYTES: Final = 8 * 1024**2
"""Of large events a page has fewer; one that is larger alone is a page."""

Page = Sequence[asyncpg.Record]


async def read_pages(
    pool: asyncpg.Pool, period: Period, source: Source | None
) -> AsyncIterator[Page]:
    """Read the events of a period by time, then by key; no page is empty.

    Each page is a statement of its own, so that no transaction stays open while
    somebody reads slowly. What is stored meanwhile, before the place that was
    reached, is left out; nothing comes twice.

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
