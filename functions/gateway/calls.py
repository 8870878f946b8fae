"""Accept a platform's request: an adapter's outcomes in, all of them on the bus."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Final

from functions.events import SOURCES, Source
from functions.gateway.rejections import Origin
from functions.messages import DeadLetter
from functions.ports import Bus
from functions.senders.adapting import Adapted, Outcome, Refused, Skipped
from functions.senders.answering import MAX_REFUSED, Taken
from functions.senders.canonical import encode_record

_BREATH: Final = 200
"""Outcomes made before other requests get their turn: one or two milliseconds."""

_WINDOW: Final = 4000
"""Outcomes that are published at a time; no platform sends more in one request."""


async def handle_call(adapted: Adapted, *, origin: Origin, bus: Bus) -> Taken:
    """Publish an adapter's outcomes for a request: records as events, refused parts as letters.

    Args:
        adapted: An authentic request's outcomes, made on demand.
        origin: The request's facts, with the channel.
        bus: Where records and dead letters go.

    Returns:
        The outcomes of the parts; every counted record and dead letter is safe.

    Raises:
        Unavailable: Some may be on the bus; the request may be sent again without being
            counted twice.
    """
    taken = Taken(secret=adapted.secret, reply=adapted.reply)
    window: list[Outcome] = []
    while run := list(islice(adapted.outcomes, _BREATH)):
        if window:
            await asyncio.sleep(0)
        window += run
        if len(window) >= _WINDOW:
            await _publish(window, taken, origin, bus)
            window = []
    await _publish(window, taken, origin, bus)
    return taken


async def _publish(window: Sequence[Outcome], taken: Taken, origin: Origin, bus: Bus) -> None:
    records: dict[Source, list[bytes]] = {source: [] for source in SOURCES}
    letters: list[DeadLetter] = []
    for outcome in window:
        match outcome:
            case Refused():
                taken.kinds["refused"] += 1
                if len(taken.refused) < MAX_REFUSED:
                    taken.refused.append(outcome)
                letters.append(_letter_of(outcome, origin))
            case Skipped():
                taken.kinds["skipped"] += 1
                taken.skipped[outcome.reason] += 1
            case record:
                taken.kinds[str(record.__struct_config__.tag)] += 1
                records[record.source].append(encode_record(record))
    publishing = [bus.publish(source, origin.part(own)) for source, own in records.items() if own]
    if letters:
        publishing.append(bus.publish_dead_letters(letters))
    await asyncio.gather(*publishing)


def _letter_of(refused: Refused, origin: Origin) -> DeadLetter:
    return DeadLetter(
        reason="rejected",
        fault=refused.fault,
        payload=refused.payload,
        accepted_at=origin.accepted_at,
        position=refused.position,
        source=refused.source,
        correlation_id=origin.correlation_id,
        trace_parent=origin.trace_parent,
        channel=origin.channel,
    )
