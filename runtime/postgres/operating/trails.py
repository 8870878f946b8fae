"""Trails of events, from PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from functions.events import Source
from functions.events.rows import event_key
from functions.operator.ports import LetterHead, NewEvent, StoredEvent
from runtime.postgres.errors import translated
from runtime.postgres.operating.dead_letters import head_of
from runtime.postgres.payloads import text_at, unpack
from runtime.postgres.sql import load

NEWEST = load(__file__, "trail_newest")
EVENT = load(__file__, "trail_event")
LETTERS = load(__file__, "trail_letters")

_MAX_LETTERS: Final = 100


class PostgresTrails:
    """Traces events and their dead letters; implements ``Trails``."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find_newest(self, *, limit: int) -> Sequence[NewEvent]:
        """List the newest events; see ``Trails``."""
        with translated():
            found = await self._pool.fetch(NEWEST, limit)
        texts = {block: unpack(data) for block, _, data, *_ in found if data is not None}
        return [
            NewEvent(source, text_at(texts[block], position)[0], *facts)
            for block, position, _, source, *facts in found
        ]

    async def find_event(self, source: Source, event_id: str) -> StoredEvent | None:
        """Find an event; see ``Trails``."""
        with translated():
            found = await self._pool.fetchrow(EVENT, event_key(source, event_id))
        if found is None:
            return None
        facts = dict(found)
        _, payload = text_at(unpack(facts.pop("data")), facts.pop("position"))
        return StoredEvent(**facts, payload=payload)

    async def find_letters(self, source: Source, event_id: str) -> Sequence[LetterHead]:
        """Find an event's dead letters; see ``Trails``."""
        key = event_key(source, event_id)
        with translated():
            found = await self._pool.fetch(LETTERS, key, source, event_id, _MAX_LETTERS)
        return [head_of(record) for record in found]
