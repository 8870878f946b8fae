"""The outcomes of canonical records: rows, notices or faults."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.events import EVENT_TYPES, SOURCES, Source
from functions.events.judging import InvalidEvent
from functions.events.rows import EventRow, event_key
from functions.messages import Delivery
from functions.senders import STANDARD_TYPES
from functions.senders.notices import ErasureRow, MetricRow, NoticeRow, RetractionRow
from functions.senders.rows import STAGE_OF, row_of_record
from tests.builders import NOON, a_facebook_event, a_purchase, a_record, raw, records


def row_of(record: dict[str, Any], source: Source | None = None) -> EventRow | NoticeRow:
    part = records(record, channel="tiktok.shop")
    return row_of_record(source, part, part.events[0])


def event_of(record: dict[str, Any]) -> EventRow:
    row = row_of(record)
    assert isinstance(row, EventRow)
    return row


def fault_of(record: dict[str, Any], source: Source | None = None) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        row_of(record, source)
    return caught.value.fault.field, caught.value.fault.code


def test_a_sale_becomes_a_row() -> None:
    record = a_purchase(
        "10.50",
        "EUR",
        eventId="order-1",
        timestamp="2024-01-01T14:00:00+02:00",
        source="tiktok",
        userKey="00ff" * 8,
        orderId="7",
        campaignId="camp-1",
        mapping="approximate",
    )
    part = records(record, channel="tiktok.events", correlation_id="corr", trace_parent="trace")

    row = row_of_record("tiktok", part, part.events[0])

    assert row == EventRow(
        id=event_key("tiktok", "order-1"),
        user_key=bytes.fromhex("00ff" * 8),
        occurred_at=datetime(2024, 1, 1, 12, tzinfo=UTC),
        accepted_at=NOON,
        source="tiktok",
        funnel_stage="bottom",
        event_type="purchase",
        event_id="order-1",
        correlation_id="corr",
        trace_parent="trace",
        published_at=None,
        stream_sequence=None,
        deliveries=None,
        revenue=Decimal("10.50"),
        campaign_id=None,
        watch_country=None,
        watch_device=None,
        watch_seconds=None,
        percentage_watched=None,
        channel="tiktok.events",
        currency="EUR",
        order_id="7",
        event_name=None,
        mapping="approximate",
        payload=raw(record).decode(),
        age=None,
        gender=None,
        followers=None,
        country=None,
        city=None,
    )


def test_a_row_knows_how_its_message_came() -> None:
    part = records(a_record())
    part = type(part)(
        part.correlation_id, part.accepted_at, part.events, None, None, Delivery(NOON, 7, 2),
        "meta.webhook",
    )  # fmt: skip

    row = row_of_record(None, part, part.events[0])

    assert isinstance(row, EventRow)
    assert (row.published_at, row.stream_sequence, row.deliveries) == (NOON, 7, 2)


@pytest.mark.parametrize(
    ("record", "revenue", "currency"),
    [
        (a_purchase("0"), Decimal(0), "EUR"),
        (a_purchase("-0.00"), Decimal(0), "EUR"),
        (a_purchase("-3"), None, None),
        (a_purchase("999999999999.999999", "JPY"), Decimal("999999999999.999999"), "JPY"),
        (a_record(eventType="checkout.complete"), None, None),
        (a_record(eventType="form.submission", amount="5", currency="USD"), None, None),
        (a_record(eventType="cart.add", amount="5", currency="USD"), None, None),
        (a_purchase(source="tiktok"), Decimal("10.50"), "EUR"),
    ],
)
def test_revenue_is_that_of_sales_alone(
    record: dict[str, Any], revenue: Decimal | None, currency: str | None
) -> None:
    row = event_of(record)

    assert (row.revenue, row.currency) == (revenue, currency)
    assert row.revenue is None or not row.revenue.is_signed()


def test_only_facebooks_sales_have_a_campaign() -> None:
    assert event_of(a_purchase(campaignId="c")).campaign_id == "c"
    assert event_of(a_purchase(source="tiktok", campaignId="c")).campaign_id is None


def test_a_user_may_be_unknown() -> None:
    assert event_of(a_record()).user_key is None


@pytest.mark.parametrize("source", SOURCES)
def test_a_record_may_have_the_native_types_of_its_source_and_the_standard_ones(
    source: Source,
) -> None:
    for stage, names in STANDARD_TYPES.items():
        for name in (*names, *EVENT_TYPES[source, stage]):
            row = event_of(a_record(source=source, eventType=name))
            assert (row.event_type, row.funnel_stage) == (name, stage)
    assert len(STAGE_OF[source]) == 20 + 7


def test_a_custom_event_keeps_its_name() -> None:
    row = event_of(a_record(eventType="custom", eventName="Spun the wheel"))

    assert (row.event_type, row.event_name, row.funnel_stage) == (
        "custom",
        "Spun the wheel",
        "bottom",
    )


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (a_record(eventType="follow"), ("eventType", "no_such_kind")),
        (a_record(eventType="ad.view", source="tiktok"), ("eventType", "no_such_kind")),
        (a_record(amount="1"), ("currency", "amount_and_currency")),
        (a_record(currency="EUR"), ("currency", "amount_and_currency")),
        (a_record(amount=1, currency="EUR"), ("", "record_invalid")),
        (a_record(name="Anna"), ("", "record_invalid")),
        (a_record(userKey="anna@example.com"), ("", "record_invalid")),
        (a_record(timestamp=1704110400), ("", "record_invalid")),
        (a_record(eventName="a\0b"), ("", "nul_character")),
        (a_facebook_event(), ("", "record_invalid")),
        ({}, ("", "record_invalid")),
    ],
)
def test_text_that_is_not_a_record_is_invalid(
    record: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault_of(record) == fault


def test_a_record_of_another_source_is_invalid() -> None:
    assert fault_of(a_record(), "tiktok") == ("source", "literal_error")


def test_the_fault_names_the_event() -> None:
    with pytest.raises(InvalidEvent) as caught:
        row_of(a_record(eventId="e-1", eventType="follow"))

    assert (caught.value.event_id, caught.value.source) == ("e-1", "facebook")


def test_a_retraction_names_the_event_by_its_key() -> None:
    row = row_of(a_record("retraction", eventId="r-1", retractedId="e-1"))

    assert isinstance(row, RetractionRow)
    assert row.retracted_key == event_key("facebook", "e-1")
    assert (row.event_id, row.retracted_id, row.channel) == ("r-1", "e-1", "tiktok.shop")


def test_no_notice_has_the_key_of_an_event() -> None:
    kinds = ("event", "retraction", "metric", "erasure")

    keys = [row_of(a_record(kind, eventId="1")).id for kind in kinds]

    assert keys[0] not in keys[1:]


def test_a_metric_keeps_its_value_as_text() -> None:
    row = row_of(a_record("metric", value="12.000000001"))

    assert isinstance(row, MetricRow)
    assert (row.object_type, row.object_id, row.metric, row.value) == (
        "ad",
        "7",
        "views",
        "12.000000001",
    )


def test_a_request_to_erase_names_the_user_by_key() -> None:
    row = row_of(a_record("erasure"))

    assert isinstance(row, ErasureRow)
    assert (row.user_key, row.confirmation_code) == (b"\xab" * 16, "code-1")


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_no_bytes_raise_anything_else(text: bytes) -> None:
    with pytest.raises(InvalidEvent):
        row_of_record(None, records(a_record()), text)
