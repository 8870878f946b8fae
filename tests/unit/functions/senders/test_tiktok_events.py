"""Calls of TikTok's Events API, in both versions, with what real senders get wrong."""

from typing import Any

import pytest

from functions.senders.adapting import BadProof, Malformed, Refused
from functions.senders.tiktok_events.adapter import MAX_EVENTS, adapt
from tests.unit.functions.senders.calling import (
    NOW,
    a_call,
    a_trust,
    expected_of,
    fault_of,
    only_record,
    outcomes_of,
    sample,
    shown,
)

_AT = 1795010400


def an_event(**fields: Any) -> dict[str, Any]:
    bought = {"value": 5980, "currency": "jpy", "order_id": 2002}
    plain = {"event": "Purchase", "event_time": _AT, "event_id": "e-1"}
    return {**plain, "properties": bought, **fields}


def a_body(*events: Any, **fields: Any) -> dict[str, Any]:
    return {"event_source": "web", "event_source_id": "P-1", "data": list(events), **fields}


def an_old_event(**fields: Any) -> dict[str, Any]:
    context = {"user": {"external_id": "x"}, "ad": {"callback": "E.C.P"}, "ip": "192.0.2.1"}
    plain = {"event": "CompletePayment", "event_id": "e-1", "timestamp": "2026-11-18T14:00:00Z"}
    bought = {"value": 5980, "currency": "JPY", "order_id": "2002"}
    return {**plain, "context": context, "properties": bought, **fields}


def adapted(body: Any) -> list[Any]:
    return outcomes_of(adapt, a_call(body))


def test_sample_is_read_as_it_says() -> None:
    found = sample(8)

    purchase, form = adapted(found["raw_body"])

    assert shown(purchase) == expected_of(found["expected"]["events"][0])
    assert purchase.has_click_id
    # The sample is older than the decision to keep such events.
    assert (form.event_type, form.event_name) == ("custom", "SubmitForm")


def test_both_versions_and_both_names_of_a_purchase_are_one_event() -> None:
    new = only_record(adapted(a_body(an_event(user={"external_id": "x", "ttclid": "E.C.P"}))))
    single = only_record(adapted({"pixel_code": "P-1", **an_old_event()}))
    batch = only_record(adapted({"pixel_code": "P-1", "batch": [an_old_event(type="track")]}))

    assert single == batch
    assert single.platform_event == "CompletePayment"
    assert (new.event_id, new.user_key) == (single.event_id, single.user_key)
    assert (new.amount, new.currency, new.order_id) == ("5980", "JPY", "2002")
    assert (single.amount, single.currency, single.order_id) == ("5980", "JPY", "2002")
    assert new.has_click_id
    assert single.has_click_id


def test_identity_is_source_type_and_id() -> None:
    def id_of(origin: str = "P-1", **fields: Any) -> str:
        body = a_body(an_event(**fields), event_source_id=origin)
        return str(only_record(adapted(body)).event_id)

    others = [id_of("P-2"), id_of(event_id="e-2"), id_of(event="Search"), id_of(event="Own")]

    assert len({id_of(), *others, id_of(event="Other"), id_of(event_id=None)}) == 7
    assert id_of(event_id=None) == id_of(event_id="", user={"email": "x"})


def test_token_is_one_of_the_ingest_keys() -> None:
    trust = a_trust(keys=["key-1"])
    body = a_body(an_event())

    for headers in ({"Access-Token": "key-1"}, {"Authorization": "Bearer key-1"}):
        only_record(outcomes_of(adapt, a_call(body, headers=headers), trust))
    for headers in (
        {},
        {"Access-Token": ""},
        {"Access-Token": "é"},
        {"Access-Token": "k" * 10_000},
    ):
        with pytest.raises(BadProof):
            adapt(a_call(body, headers=headers), trust)


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"{", b"\xff", [], {}, {"data": []}, {"data": {}}, {"batch": "x"}, b"[" * 100_000],
        a_body(*[an_event()] * (MAX_EVENTS + 1)),
    ],
    ids=lambda body: str(body)[:20],
)
def test_call_without_events_is_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        adapt(a_call(body), a_trust())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (a_body(1), "object_type"),
        (a_body(an_event(event="")), "missing_id"),
        (a_body(an_event(event_time="yesterday")), "unix_time"),
        (a_body(an_event(event_time=_AT + 3600)), "future"),
        (a_body(an_event(properties={"value": 1})), "currency"),
        (an_old_event(timestamp="yesterday"), "date_time"),
        (an_old_event(timestamp=["x"]), "date_time"),
        (an_old_event(timestamp="0001-01-01T00:00:00+23:00"), "date_time"),
        (an_old_event(timestamp=None, event_id=None), "missing"),
    ],
    ids=str,
)
def test_event_that_can_not_be_mapped_is_refused(body: Any, code: str) -> None:
    assert fault_of(adapted(body)) == code


def test_bad_event_does_not_sink_the_others() -> None:
    first, second = adapted(a_body({}, an_event()))

    assert isinstance(first, Refused)
    assert only_record([second]).event_type == "purchase"


def test_old_event_without_a_time_has_that_of_its_arrival() -> None:
    assert only_record(adapted(an_old_event(timestamp=None))).timestamp == NOW


@pytest.mark.parametrize("where", ["event", "call"])
def test_user_under_limited_data_use_is_unknown(where: str) -> None:
    limited = {"limited_data_use": True}
    event = an_event(user={"external_id": "x"}, **(limited if where == "event" else {}))

    record = only_record(adapted(a_body(event, **(limited if where == "call" else {}))))

    assert record.user_key is None


def test_price_of_an_item_is_no_order_total() -> None:
    contents = [{"content_id": "sku-9", "price": 2990, "quantity": 2}]

    record = only_record(adapted(a_body(an_event(properties={"contents": contents}))))

    assert (record.amount, record.currency) == (None, None)
