"""Rows of canonical records: the stored values of each, and its table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, assert_never

import msgspec

from functions.errors import Fault
from functions.events import REVENUE_TYPES, SOURCES, FunnelStage, Source
from functions.events.claims import claim_of
from functions.events.judging import InvalidEvent
from functions.events.keys import deriving
from functions.events.reading import find_unstorable
from functions.events.rows import EventRow, event_key
from functions.messages import AcceptedBatch
from functions.senders import KINDS
from functions.senders.canonical import (
    CanonicalEvent,
    ErasureRequest,
    MetricSnapshot,
    Retraction,
    decode_record,
)
from functions.senders.notices import ErasureRow, MetricRow, NoticeRow, RetractionRow

STAGE_OF: Final[Mapping[Source, Mapping[str, FunnelStage]]] = {
    source: {
        name: stage
        for (theirs, stage), types in KINDS.items()
        if theirs == source
        for name in types
    }
    for source in SOURCES
}
"""The funnel stage of each type that a source's records may have."""

_NOTICE_KEYS: Final = {source: deriving(f"notice\0{source}\0".encode()) for source in SOURCES}


def row_of_record(source: Source | None, part: AcceptedBatch, raw: bytes) -> EventRow | NoticeRow:
    """Judge a canonical record, and make its row.

    Args:
        source: The source of the records; another's are invalid. None for any.
        part: Its batch.
        raw: The record, as received.

    Raises:
        InvalidEvent: It is not a record, or not one of that source's.
    """
    try:
        record = decode_record(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _invalid(raw, Fault("", "record_invalid", "Should be a canonical record")) from error
    unstorable = find_unstorable(raw)
    if unstorable is not None:
        raise _invalid(raw, unstorable)
    if source is not None and record.source != source:
        raise _invalid(raw, Fault("source", "literal_error", f"Input should be '{source}'"))
    if isinstance(record, CanonicalEvent):
        return _event_row(record, part, raw)
    return _notice_row(record, part, raw)


def _event_row(record: CanonicalEvent, part: AcceptedBatch, raw: bytes) -> EventRow:
    source = record.source
    stage = STAGE_OF[source].get(record.event_type)
    if stage is None:
        raise _invalid(raw, Fault("eventType", "no_such_kind", f"{source} has no such event type"))
    if (record.amount is None) != (record.currency is None):
        message = "Should be there together with the amount, or not at all"
        raise _invalid(raw, Fault("currency", "amount_and_currency", message))
    revenue = _revenue(record)
    published_at, stream_sequence, deliveries, _ = part.delivery
    return EventRow(
        id=event_key(source, record.event_id),
        user_key=bytes.fromhex(record.user_key) if record.user_key else None,
        occurred_at=record.timestamp,
        accepted_at=part.accepted_at,
        source=source,
        funnel_stage=stage,
        event_type=record.event_type,
        event_id=record.event_id,
        correlation_id=part.correlation_id,
        trace_parent=part.trace_parent,
        published_at=published_at,
        stream_sequence=stream_sequence,
        deliveries=deliveries,
        revenue=revenue,
        # As natively, only Facebook's sales are counted by campaign.
        campaign_id=record.campaign_id if source == "facebook" else None,
        watch_country=None,
        watch_device=None,
        watch_seconds=None,
        percentage_watched=None,
        channel=part.channel,
        currency=None if revenue is None else record.currency,
        order_id=record.order_id,
        event_name=record.event_name,
        mapping=record.mapping,
        payload=raw.decode(),
        age=None,
        gender=None,
        followers=None,
        country=None,
        city=None,
    )


def _revenue(record: CanonicalEvent) -> Decimal | None:
    """Return the amount of a sale: of the source's revenue type, and not a refund."""
    if record.amount is None or record.event_type != REVENUE_TYPES[record.source]:
        return None
    amount = Decimal(record.amount)
    return None if amount.is_signed() and amount else abs(amount)


def _notice_row(
    record: Retraction | MetricSnapshot | ErasureRequest, part: AcceptedBatch, raw: bytes
) -> NoticeRow:
    key = _NOTICE_KEYS[record.source](record.event_id.encode())
    match record:
        case Retraction():
            return RetractionRow(
                key,
                event_key(record.source, record.retracted_id),
                record.timestamp,
                part.accepted_at,
                record.source,
                part.channel,
                record.event_id,
                record.retracted_id,
                part.correlation_id,
                raw.decode(),
            )
        case MetricSnapshot():
            return MetricRow(
                key,
                record.timestamp,
                part.accepted_at,
                record.source,
                part.channel,
                record.event_id,
                record.object_type,
                record.object_id,
                record.metric,
                record.value,
                part.correlation_id,
                raw.decode(),
            )
        case ErasureRequest():
            return ErasureRow(
                key,
                bytes.fromhex(record.user_key),
                record.timestamp,
                part.accepted_at,
                record.source,
                part.channel,
                record.event_id,
                record.confirmation_code,
                part.correlation_id,
                raw.decode(),
            )
        case _:
            assert_never(record)


def _invalid(raw: bytes, fault: Fault) -> InvalidEvent:
    claim = claim_of(raw)
    return InvalidEvent(fault, event_id=claim.event_id, source=claim.source)
