"""The gateway behind CloudEvents: data hold an event, or an array of events."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from functions.errors import Fault, Invalid
from functions.events.judging import Beginning
from functions.gateway.handler import handle
from functions.gateway.rejections import Origin, Rejections
from functions.messages import DeadLetter
from functions.ports import Bus
from runtime.http.body import BodyReader
from runtime.http.cloud_events.reading import CloudEvent
from runtime.http.cloud_events.taking import cloud_events_endpoint, origin_of
from runtime.http.gateway import commonest
from runtime.http.request import Endpoint, Request
from runtime.http.splitting import WINDOW_BYTES, WINDOW_EVENTS, Windows, split_json


def gateway_cloud_events(bus: Bus, bodies: BodyReader) -> Endpoint:
    """Make the gateway's endpoint of ``POST /cloudevents``."""

    async def take(request: Request, events: Iterator[CloudEvent | None]) -> None:
        accepted_at = datetime.now(UTC)
        accepted = rejected = 0
        faults = Counter[tuple[str, str]]()
        origin = Origin(request.correlation_id, accepted_at, request.trace_parent)
        rejections = Rejections(origin, bus.mass_bytes)
        for (correlation_id, trace_parent), own in groupby(events, _OriginOf(request)):
            receipt = await handle(
                _gathered(own, bodies.event_size_limit),
                correlation_id=correlation_id,
                accepted_at=accepted_at,
                bus=bus,
                trace_parent=trace_parent,
                rejections=rejections,
            )
            accepted += receipt.accepted_total
            rejected += receipt.rejected_total
            faults.update(receipt.faults)
        if last := list(rejections.finish()):
            await bus.publish_dead_letters(last)
        request.facts.update(accepted=accepted, rejected=rejected, **commonest(faults))

    async def dead_letter(request: Request, head: bytes, fault: Fault) -> None:
        letter = DeadLetter(
            reason="rejected",
            fault=fault,
            payload=head,
            accepted_at=datetime.now(UTC),
            correlation_id=request.correlation_id,
            trace_parent=request.trace_parent,
        )
        await bus.publish_dead_letters([letter])
        request.facts.update(accepted=0, rejected=1, **commonest({(fault.code, fault.field): 1}))

    return cloud_events_endpoint(bodies, take, dead_letter)


@dataclass(slots=True)
class _OriginOf:
    """Finds the origin of each event in turn; a non-event belongs to the event before it."""

    request: Request
    last: tuple[str, str | None] | None = None

    def __call__(self, event: CloudEvent | None) -> tuple[str, str | None]:
        if event is not None:
            self.last = origin_of(self.request, event)
        return self.last or (self.request.correlation_id, self.request.trace_parent)


def _gathered(events: Iterator[CloudEvent | None], event_size_limit: int) -> Windows:
    """Split the data of events and join small ones; each window is published alone."""
    window: list[bytes] = []
    size = 0
    for event in events:
        for part in _split(event.data, event_size_limit) if event else ([],):
            part_size = sum(map(len, part))
            if not part:
                yield []
            elif window and (
                size + part_size > WINDOW_BYTES or len(window) + len(part) > WINDOW_EVENTS
            ):
                yield window
                window, size = [], 0
            window += part
            size += part_size
    yield window


def _split(data: bytes, event_size_limit: int) -> Windows:
    """Split data; data that can't be split are judged whole, and so become a dead letter."""
    try:
        yield from split_json(data, event_size_limit)
    except Invalid:
        yield [data if len(data) <= event_size_limit else Beginning(data, event_size_limit)]
