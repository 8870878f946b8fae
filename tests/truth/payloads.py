"""The events' own ids and JSON, from their blocks, for SQL."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from runtime.postgres.payloads import text_at, unpack

_MAKE: Final = """
    DROP TABLE IF EXISTS plain_payloads;
    CREATE TABLE plain_payloads (
        block bigint, position smallint, event_id text, payload json, PRIMARY KEY (block, position)
    )
"""
_AT_ONCE: Final = 100


async def make_plain_payloads(connection: asyncpg.Connection | PoolConnectionProxy) -> None:
    """Create a table ``plain_payloads``, with a row for each event of a block."""
    await connection.execute(_MAKE)
    last = 0
    while blocks := await connection.fetch(
        "SELECT id, data FROM payload_blocks WHERE id > $1 ORDER BY id LIMIT $2", last, _AT_ONCE
    ):
        await connection.copy_records_to_table(
            "plain_payloads",
            records=[
                (block, position, *text_at(texts, position))
                for block, data in blocks
                for texts in [unpack(data)]
                for position in range(len(texts) // 2)
            ],
        )
        last = blocks[-1]["id"]


async def stored_texts(
    fetch: Callable[[str], Awaitable[list[asyncpg.Record]]],
) -> list[tuple[Any, str, str]]:
    """List the key, the id and the JSON of each event, in the order of keys."""
    blocks = {
        block: unpack(data) for block, data in await fetch("SELECT id, data FROM payload_blocks")
    }
    events = await fetch("SELECT id, block, position FROM events ORDER BY id")
    return [(key, *text_at(blocks[block], position)) for key, block, position in events]


async def stored_ids(fetch: Callable[[str], Awaitable[list[asyncpg.Record]]]) -> list[str]:
    """List the ids of the stored events, in their own order."""
    return sorted(event_id for _, event_id, _ in await stored_texts(fetch))
