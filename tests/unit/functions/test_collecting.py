from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.collecting import Collected
from functions.collecting import row_of as make_row_of
from functions.dead_letters.handler import handle as keep_dead_letters
from functions.errors import Unavailable
from functions.events.rows import EventRow, event_key, user_key
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import AcceptedBatch, Stored
from functions.ttk_collector.handler import handle as collect_tiktok
from tests.builders import (
    NOON,
    a_facebook_event,
    a_letter,
    a_part,
    a_purchase,
    a_record,
    a_tiktok_event,
    letters_of,
    raw,
    records,
)
from tests.doubles.fakes import FakeEventStore


def events(count: int) -> list[bytes]:
    return [raw(a_facebook_event(eventId=f"fb-{number}")) for number in range(count)]


def refusing(*event_ids: str) -> FakeEventStore:
    return FakeEventStore(refuses=lambda row: row.event_id in event_ids)


async def collect(store: FakeEventStore, *batch: bytes) -> Collected:
    return await collect_facebook([a_part(*batch)], store=store)


async def test_a_batch_is_stored_in_one_go() -> None:
    store = FakeEventStore()
    parts = [a_part(*events(3)), a_part(raw(a_facebook_event()))]

    collected = await collect_facebook(parts, store=store)

    assert collected == Collected(stored=4, duplicates=0, rejected=0, refused=0)
    assert store.batches == [4]


async def test_a_redelivered_batch_is_stored_once() -> None:
    store = FakeEventStore()
    await collect(store, *events(3))

    collected = await collect(store, *events(3))

    assert collected == Collected(stored=0, duplicates=3, rejected=0, refused=0)
    assert len(store.rows) == 3


@pytest.mark.parametrize("batch", [[], [AcceptedBatch("x", NOON, [])]])
async def test_nothing_is_a_batch_too(batch: Sequence[AcceptedBatch]) -> None:
    assert await collect_facebook(batch, store=FakeEventStore()) == Collected(0, 0, 0, 0)


@pytest.mark.parametrize("refused", [[0], [6], [2, 3], [0, 3, 6], list(range(7))])
async def test_rows_that_are_refused_are_found_and_the_others_stored(refused: list[int]) -> None:
    store = refusing(*(f"fb-{number}" for number in refused))

    collected = await collect(store, *events(7))

    assert collected == Collected(7 - len(refused), 0, 0, len(refused))
    assert sorted(letter.event_id or "" for letter in store.letters.values()) == [
        f"fb-{number}" for number in refused
    ]


async def test_a_refused_row_is_kept_with_the_reason_of_the_store() -> None:
    store, (event,) = refusing("fb-0"), events(1)

    await collect(store, event)

    (letter,) = store.letters.values()
    assert (letter.reason, letter.payload, letter.fault.code) == ("refused", event, "22003")
    assert (letter.source, letter.event_id, letter.correlation_id) == ("facebook", "fb-0", "test")


async def test_finding_one_row_takes_few_tries() -> None:
    store, tries = FakeEventStore(), 0

    def refuses(row: EventRow) -> bool:
        nonlocal tries
        tries += 1
        return row.event_id == "fb-700"

    store.refuses = refuses
    collected = await collect(store, *events(1000))

    assert collected == Collected(999, 0, 0, 1)
    assert len(store.batches) <= 10


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (raw(a_tiktok_event(eventId="ttk-1")), "source"),
        (raw(a_facebook_event(timestamp="soon")), "timestamp"),
        (b'{"x":', ""),
    ],
)
async def test_an_event_that_should_not_be_there_is_a_dead_letter(event: bytes, field: str) -> None:
    store = FakeEventStore()

    collected = await collect(store, *events(1), event, *events(2))

    (letter,) = store.letters.values()
    assert collected == Collected(stored=2, duplicates=1, rejected=1, refused=0)
    assert (letter.reason, letter.payload, letter.position) == ("rejected", event, 1)
    assert letter.fault.field == field


async def test_a_batch_may_be_redelivered_if_the_store_is_unavailable() -> None:
    store = FakeEventStore()
    store.become_unavailable()
    with pytest.raises(Unavailable):
        await collect(store, *events(2))
    store.failure = None

    assert await collect(store, *events(2)) == Collected(2, 0, 0, 0)


async def test_a_crash_of_the_store_is_not_hidden() -> None:
    store = FakeEventStore()
    store.crash()

    with pytest.raises(ZeroDivisionError):
        await collect(store, *events(1))


async def test_dead_letters_are_kept_once() -> None:
    store, letter = FakeEventStore(), a_letter()

    outcomes = [letters_of(letter, letter), letters_of(a_letter())]

    assert await keep_dead_letters(outcomes, store=store) == Stored(2, 1)


def row_of(event: dict[str, Any]) -> EventRow:
    text = raw(event)
    row = make_row_of(a_part(text, correlation_id="corr"), text)
    assert isinstance(row, EventRow)
    return row


def test_the_row_of_a_facebook_event_at_the_top() -> None:
    event = a_facebook_event(eventId="fb-1", timestamp="2024-01-01T12:00:00+02:00")

    assert row_of(event) == EventRow(
        id=event_key("facebook", "fb-1"),
        user_key=user_key("facebook", "user-1"),
        occurred_at=datetime(2024, 1, 1, 10, tzinfo=UTC),
        accepted_at=NOON,
        source="facebook",
        funnel_stage="top",
        event_type="ad.view",
        event_id="fb-1",
        correlation_id="corr",
        trace_parent=None,
        published_at=None,
        stream_sequence=None,
        deliveries=None,
        revenue=None,
        campaign_id=None,
        age=30,
        gender="female",
        country="Ukraine",
        city="Kyiv",
        followers=None,
        watch_country=None,
        watch_device=None,
        watch_seconds=None,
        percentage_watched=None,
        channel="native",
        currency=None,
        order_id=None,
        event_name=None,
        mapping=None,
        payload=raw(event).decode(),
    )


def test_the_row_of_a_tiktok_event_at_the_top() -> None:
    event = a_tiktok_event(eventId="ttk-1")

    assert row_of(event) == EventRow(
        id=event_key("tiktok", "ttk-1"),
        user_key=user_key("tiktok", "user-1"),
        occurred_at=NOON,
        accepted_at=NOON,
        source="tiktok",
        funnel_stage="top",
        event_type="like",
        event_id="ttk-1",
        correlation_id="corr",
        trace_parent=None,
        published_at=None,
        stream_sequence=None,
        deliveries=None,
        revenue=None,
        campaign_id=None,
        age=None,
        gender=None,
        country=None,
        city=None,
        followers=500,
        watch_country="Japan",
        watch_device="iOS",
        watch_seconds=10,
        percentage_watched=50,
        channel="native",
        currency=None,
        order_id=None,
        event_name=None,
        mapping=None,
        payload=raw(event).decode(),
    )


def test_the_row_of_a_facebook_event_at_the_bottom_has_the_campaign_but_no_device() -> None:
    row = row_of(a_facebook_event(eventType="ad.click"))

    assert (row.campaign_id, row.watch_device, row.funnel_stage) == ("camp-12345", None, "bottom")


def test_the_row_of_a_tiktok_event_at_the_bottom_has_no_device_or_country() -> None:
    row = row_of(a_tiktok_event(eventType="follow"))

    assert (row.watch_country, row.watch_device, row.watch_seconds) == (None, None, None)
    assert row.followers == 500


@pytest.mark.parametrize(
    ("event_type", "counts"),
    [
        ("checkout.complete", True),
        ("ad.click", False),
        ("form.submission", False),
        ("purchase", True),
        ("follow", False),
        ("profile.visit", False),
    ],
)
def test_an_amount_is_revenue_on_a_sale_only(event_type: str, counts: bool) -> None:  # noqa: FBT001
    facebook = event_type in {"checkout.complete", "ad.click", "form.submission"}
    build = a_facebook_event if facebook else a_tiktok_event

    with_amount = row_of(build(eventType=event_type, engagement={"purchaseAmount": "19.99"}))
    without = row_of(build(eventType=event_type))

    assert with_amount.revenue == (Decimal("19.99") if counts else None)
    assert without.revenue is None


async def test_each_collector_keeps_its_own_source() -> None:
    store, tiktok = FakeEventStore(), raw(a_tiktok_event())

    collected = await collect_tiktok([a_part(tiktok, *events(1))], store=store)

    assert collected == Collected(stored=1, duplicates=0, rejected=1, refused=0)
    assert [row.payload for row in store.rows.values()] == [tiktok.decode()]


async def test_records_of_other_channels_are_read_as_such() -> None:
    store = FakeEventStore()
    part = records(a_purchase(eventId="p-1"), a_record("retraction"), a_record("metric"))

    collected = await collect_facebook([part, a_part(*events(1))], store=store)

    assert collected == Collected(stored=4, duplicates=0, rejected=0, refused=0)
    (sale,) = (row for row in store.rows.values() if row.event_id == "p-1")
    assert (sale.channel, sale.currency, sale.revenue) == (
        "meta.conversions",
        "EUR",
        Decimal("10.50"),
    )
    assert len(store.notices) == 2


async def test_an_invalid_record_is_a_dead_letter_of_its_channel() -> None:
    store = FakeEventStore()

    await collect_facebook([records(a_record(eventType="follow"))], store=store)
    await collect_facebook([records(a_facebook_event())], store=store)
    await collect_facebook([a_part(raw(a_record()))], store=store)

    channels = [(it.channel, it.fault.code) for it in store.letters.values()]
    assert channels == [
        ("meta.conversions", "no_such_kind"),
        ("meta.conversions", "record_invalid"),
        ("native", "missing"),
    ]


async def test_a_record_that_the_store_refuses_is_a_dead_letter_of_its_channel() -> None:
    store = refusing("p-1")

    await collect_facebook([records(a_purchase(eventId="p-1"), a_record("metric"))], store=store)

    assert [it.channel for it in store.letters.values()] == ["meta.conversions"]
    assert len(store.notices) == 1
