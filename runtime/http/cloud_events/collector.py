"""A collector behind CloudEvents: data are an envelope, an event, or an array of events."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from functions.errors import Fault, Invalid
from functions.ports import NOT_DELIVERED, DeadLetter, Lot, Part
from runtime.envelopes import UnreadableEnvelope
from runtime.http.body import BodyReader
from runtime.http.cloud_events.reading import CloudEvent
from runtime.http.cloud_events.taking import cloud_events_endpoint, origin_of
from runtime.http.request import Endpoint, Request
from runtime.splitting import split_json
from runtime.work import Item, Work, unreadable

ReadBare = Callable[[Request, CloudEvent], Sequence[Item]]
"""Reads data that are no envelope; raises ``Invalid`` where it can't."""


class _MeantAsEnvelope(msgspec.Struct):
    parts: msgspec.Raw


_MEANT: msgspec.json.Decoder[_MeantAsEnvelope] = msgspec.json.Decoder(_MeantAsEnvelope)


def collector_cloud_events(
    work: Work[Item], bodies: BodyReader, read_bare: ReadBare[Item]
) -> Endpoint:
    """Make a collector's endpoint of ``POST /cloudevents``.

    Args:
        work: What it does with its messages.
        bodies: Reads bodies.
        read_bare: Reads what comes in no envelope; ``read_events`` or ``read_nothing``.
    """

    async def take(request: Request, events: Sequence[CloudEvent]) -> None:
        items: list[Item] = []
        for event in events:
            try:
                items += _read(request, event)
            except UnreadableEnvelope as error:
                letter = unreadable(work.source, event.data, str(error), came_at=datetime.now(UTC))
                await work.bury(letter, None)
        if items:
            await work.handle(items)

    def _read(request: Request, event: CloudEvent) -> Sequence[Item]:
        try:
            return work.decode(event.data, None, NOT_DELIVERED)
        except UnreadableEnvelope:
            if _is_meant_as_envelope(event.data):
                raise
            try:
                return read_bare(request, event)
            except Invalid as invalid:
                raise UnreadableEnvelope(str(invalid)) from invalid

    async def bury(request: Request, head: bytes, fault: Fault) -> None:
        letter = DeadLetter(
            reason="unreadable",
            fault=fault,
            payload=head,
            position=0,
            source=work.source,
            event_id=None,
            correlation_id=request.correlation_id,
            accepted_at=datetime.now(UTC),
            trace_parent=request.trace_parent,
        )
        await work.bury(letter, None)

    return cloud_events_endpoint(bodies, take, bury)


def read_events(request: Request, event: CloudEvent) -> Sequence[Part]:
    """Read an event, or an array of events, as parts of no envelope: the ledger has none of them.

    Raises:
        Invalid: They are neither.
    """
    correlation_id, trace_parent = origin_of(request, event)
    accepted_at = datetime.now(UTC)
    return [
        Part(correlation_id, accepted_at, window, trace_parent=trace_parent)
        for window in split_json(event.data)
    ]


def read_nothing(_request: Request, _event: CloudEvent) -> Sequence[Lot]:
    """Read nothing: for the collector of dead letters, which keeps it as one.

    Raises:
        Invalid: Always.
    """
    raise Invalid([Fault("", "envelope", "not an envelope of dead letters")])


def _is_meant_as_envelope(data: bytes) -> bool:
    try:
        _MEANT.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
