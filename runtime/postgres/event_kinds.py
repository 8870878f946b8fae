"""Kinds of events: what many events have in common, numbered once."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from asyncpg.pool import PoolConnectionProxy

from runtime.postgres.sql import load

FIND_EVENT_KINDS = load(__file__, "find_event_kinds")
ADD_EVENT_KINDS = load(__file__, "add_event_kinds")


class EventKind(NamedTuple):
    """What an event is; columns of ``event_kinds``.

    Attributes:
        channel: How it came.
        mapping: Whether its type means the same as the platform's own; None if it came natively.
    """

    source: str
    funnel_stage: str
    event_type: str
    channel: str
    mapping: str | None


_Kind = tuple[Any, ...]
"""The columns of ``EventKind``."""


async def number_kinds(
    connection: PoolConnectionProxy, kinds: Collection[_Kind]
) -> Mapping[_Kind, int]:
    """Return the number of each kind; one that has none gets one, in the caller's transaction."""
    listed = list(kinds)
    numbers = await _find(connection, listed)
    if len(numbers) < len(listed):
        missing = [kind for kind in listed if kind not in numbers]
        await connection.fetch(ADD_EVENT_KINDS, *zip(*missing, strict=True))
        numbers |= await _find(connection, missing)
    return numbers


async def _find(connection: PoolConnectionProxy, kinds: list[_Kind]) -> dict[_Kind, int]:
    found = await connection.fetch(FIND_EVENT_KINDS, *zip(*kinds, strict=True))
    return {kinds[place - 1]: number for place, number in found}
