"""Canonical records are read as they were written, and nothing else is accepted."""

from datetime import UTC
from typing import Any

import msgspec
import pytest

from functions.events.timestamps import UtcMoment
from functions.senders.canonical import (
    CanonicalEvent,
    ErasureRequest,
    MetricSnapshot,
    Record,
    Retraction,
    decode_record,
    encode_record,
)

_HEAD: dict[str, Any] = {
    "event_id": "meta.conversions:1:Purchase:order-1",
    "timestamp": UtcMoment(2026, 11, 18, 14, 0, 0, 250_000, tzinfo=UTC),
    "source": "facebook",
    "platform_event": "Purchase",
}
_RECORDS: list[Record] = [
    CanonicalEvent(**_HEAD, event_type="page.view"),
    CanonicalEvent(
        **_HEAD,
        event_type="checkout.complete",
        mapping="approximate",
        user_key="0123456789abcdef" * 2,
        amount="-100.2",
        currency="USD",
        order_id="1001",
        event_name="Ї",
        has_click_id=True,
    ),
    Retraction(**_HEAD, retracted_id="meta.webhook:comment:1_2"),
    MetricSnapshot(**_HEAD, object_type="ad", object_id="6", metric="video_view", value="2500"),
    ErasureRequest(**_HEAD, user_key="0123456789abcdef" * 2, confirmation_code="c-1"),
]


@pytest.mark.parametrize("record", _RECORDS, ids=lambda record: type(record).__name__)
def test_record_is_read_as_it_was_written(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "usd"},
        {"amount": "1e3"},
        {"amount": 1},
        {"userKey": "somebody@example.org"},
        {"email": "somebody@example.org"},
        {"eventId": ""},
        {"timestamp": "2026-11-18 14:00:00"},
        {"source": "snapchat"},
        {"kind": "native"},
    ],
    ids=str,
)
def test_anything_else_is_no_record(change: dict[str, object]) -> None:
    record = msgspec.json.decode(encode_record(_RECORDS[1])) | change
    with pytest.raises(msgspec.MsgspecError):
        decode_record(msgspec.json.encode(record))
