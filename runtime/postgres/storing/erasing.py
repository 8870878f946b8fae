"""Erase users: attributes and payloads go, counts stay exact."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from functions.events import Source
from functions.events.rows import user_key
from functions.senders.notices import ErasureRow
from runtime.postgres.payloads import repack, unpack
from runtime.postgres.sql import load
from runtime.postgres.storing.notices import add_notices
from runtime.postgres.storing.store import forget_attributes
from runtime.postgres.transactions import committed

LOCK_ERASURES = load(__file__, "lock_erasures")
ERASURES_OPEN = load(__file__, "erasures_open")
ERASURE_DONE = load(__file__, "erasure_done")
ERASE_PLACES = load(__file__, "erase_places")
ERASE_BLOCKS = load(__file__, "erase_blocks")
ERASE_LETTERS = load(__file__, "erase_letters")
ERASED_USERS = load(__file__, "erased_users")

ERASED: Final = '{"erased":true}'
"""What is kept in place of a payload."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to.

    Attributes:
        events: Whose payloads are gone.
        letters: Dead letters whose bytes are gone.
    """

    events: int
    letters: int


class _DryRun(Exception):
    """Rolls a dry run back."""


async def erase(
    pool: asyncpg.Pool,
    source: Source,
    *,
    user_id: str | None = None,
    key: bytes | None = None,
    dry_run: bool = False,
) -> Erased:
    """Erase a user, and keep the request as proof; needs the rights of the schema's owner.

    Safe to repeat. Events that come later are new data.

    Args:
        pool: Connections.
        source: The user's platform.
        user_id: The platform's own id, in native events; or
        key: the user's key, 16 bytes.
        dry_run: Return the result without changing anything.

    Raises:
        Unavailable: Nothing was erased.
    """
    whom = user_key(source, user_id or "") if key is None else key
    now, code = datetime.now(UTC), uuid4().hex
    request = ErasureRow(uuid4().bytes, whom, now, now, source, "native", code, code, code, "{}")
    texts = [whom.hex().encode()] if user_id is None else [f'"{user_id}"'.encode()]
    erased = Erased(0, 0)
    with suppress(_DryRun):
        async with committed(pool) as connection:
            await add_notices(connection, [request])
            erased = await _erase(connection, source, whom, texts, code)
            if dry_run:
                raise _DryRun
    return erased


async def erase_requested(pool: asyncpg.Pool) -> list[Erased]:
    """Do the platforms' requests that are not done, each in a transaction; see ``erase``."""
    done = []
    for request in await pool.fetch(ERASURES_OPEN):
        whom = request["user_key"]
        async with committed(pool) as connection:
            erased = await _erase(
                connection, request["source"], whom, [whom.hex().encode()], request["id"].hex()
            )
        done.append(erased)
    return done


async def _erase(
    connection: PoolConnectionProxy,
    source: Source,
    whom: bytes,
    texts: Sequence[bytes],
    correlation_id: str,
) -> Erased:
    await connection.fetch(LOCK_ERASURES)
    await forget_attributes(connection, whom)
    blocks = await connection.fetch(ERASE_PLACES, whom)
    if blocks:
        await connection.fetch(
            ERASE_BLOCKS,
            [block["id"] for block in blocks],
            [_without(block["data"], block["positions"]) for block in blocks],
        )
    letters = await connection.fetch(ERASE_LETTERS, source, texts, correlation_id)
    events = sum(len(block["positions"]) for block in blocks)
    await connection.fetch(ERASURE_DONE, whom, events, len(letters))
    return Erased(events, len(letters))


def _without(data: bytes, positions: Sequence[int]) -> bytes:
    texts = list(unpack(data))
    for position in positions:
        texts[2 * position + 1] = ERASED
    return repack(texts)
