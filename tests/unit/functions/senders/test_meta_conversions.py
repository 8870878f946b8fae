"""Calls of Meta's Conversions API, in each encoding, with what real senders get wrong."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.senders.adapting import BadProof, Malformed, Refused
from functions.senders.canonical import CanonicalEvent
from functions.senders.meta_conversions.adapter import MAX_EVENTS, adapt
from tests.unit.functions.senders.calling import (
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
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}


def an_event(**fields: Any) -> dict[str, Any]:
    purchase = {"value": 10, "currency": "USD"}
    plain = {"event_name": "Purchase", "event_time": _AT, "event_id": "e-1"}
    return {**plain, "action_source": "website", "custom_data": purchase, **fields}


def adapted(*events: Any) -> list[Any]:
    return outcomes_of(adapt, a_call({"data": list(events)}, headers=_JSON))


def test_sample_is_read_as_it_says() -> None:
    found = sample(4)

    purchase, lead, page_view = outcomes_of(adapt, a_call(found["raw_body"], headers=_JSON))

    assert [shown(purchase), shown(lead)] == [expected_of(it) for it in found["expected"]["events"]]
    assert purchase.has_click_id
    assert not lead.has_click_id
    assert page_view.event_type == "page.view"
    assert page_view.user_key is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (_JSON, json.dumps({"data": [an_event()]})),
        ({}, json.dumps({"data": [an_event()]})),
        (_JSON, json.dumps({"data": json.dumps([an_event()])})),
        (_FORM, urlencode({"data": json.dumps([an_event()])})),
        (_FORM, urlencode({"data": json.dumps([json.dumps(an_event())]), "upload_tag": "x"})),
        (
            {"Content-Type": "multipart/form-data; boundary=b-1"},
            (
                '--b-1\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
                f"{json.dumps([an_event()])}\r\n--b-1--\r\n"
            ),
        ),
    ],
    ids=["json", "no content type", "text in json", "form", "the SDK's form", "curl -F"],
)
def test_encodings_mean_the_same(headers: dict[str, str], body: str) -> None:
    usual = only_record(adapted(an_event()))

    assert only_record(outcomes_of(adapt, a_call(body, headers=headers))) == usual


@pytest.mark.parametrize("where", ["query", "bearer", "json", "form"])
def test_token_is_one_of_the_ingest_keys_wherever_it_is(where: str) -> None:
    def call(token: str) -> Any:
        data, query, headers = {"data": [an_event()]}, [], dict(_JSON)
        body: Any = data
        match where:
            case "query":
                query = [("access_token", token)]
            case "bearer":
                headers["Authorization"] = f"Bearer {token}"
            case "json":
                body = {**data, "access_token": token}
            case "form":
                fields = {"data": json.dumps(data["data"]), "access_token": token}
                headers, body = _FORM, urlencode(fields)
        return a_call(body, headers=headers, query=query)

    only_record(outcomes_of(adapt, call("key-1"), a_trust(keys=["key-1"])))
    for token in ("key-2", "", "é", "\ud800", "x" * 10_000):
        with pytest.raises(BadProof):
            adapt(call(token.encode("utf-8", "replace").decode()), a_trust(keys=["key-1"]))


@pytest.mark.parametrize("body", [b"", b"{", b"data", b"\xff", b"[]", b"[" * 100_000])
def test_body_without_a_token_is_not_read_for_anything_else(body: bytes) -> None:
    with pytest.raises(BadProof):
        adapt(a_call(body, headers=_JSON), a_trust(keys=["key-1"]))
    with pytest.raises(Malformed):
        adapt(a_call(body, headers=_JSON), a_trust())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (_JSON, {"data": []}),
        (_JSON, {"data": {}}),
        (_JSON, {"data": "["}),
        (_JSON, {"events": [an_event()]}),
        (_JSON, {"data": [an_event()] * (MAX_EVENTS + 1)}),
        (_FORM, "data=%FF"),
        (_FORM, "&" * 1000),
        (_FORM, "data"),
        ({"Content-Type": "multipart/form-data"}, "--x\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=é"}, "--é\r\n\r\n"),
        ({"Content-Type": "\x00;=;"}, "no json"),
    ],
    ids=str,
)
def test_call_without_events_is_malformed(headers: dict[str, str], body: Any) -> None:
    with pytest.raises(Malformed):
        adapt(a_call(body, headers=headers), a_trust())


def test_bad_event_does_not_sink_the_others() -> None:
    first, second, third = adapted(an_event(), {"event_name": "Purchase"}, an_event(event_id="2"))

    assert isinstance(first, CanonicalEvent)
    assert isinstance(second, Refused)
    assert (second.position, second.fault.field) == (1, "event_time")
    assert isinstance(third, CanonicalEvent)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("no json", "object_type"),
        (None, "object_type"),
        (an_event(event_name=None), "missing_id"),
        (an_event(event_name="a\x00b"), "missing_id"),
        (an_event(event_name="x" * 201), "missing_id"),
        (an_event(event_time=None), "unix_time"),
        (an_event(event_time=True), "unix_time"),
        (an_event(event_time="\u0661\u0662"), "unix_time"),
        (an_event(event_time=10**400), "unix_time"),
        (an_event(event_time=-1), "unix_time"),
        (an_event(event_time=_AT * 1000), "unix_time"),
        (an_event(event_time=_AT + 3600), "future"),
        (an_event(event_time=_AT - 8 * 86_400), "too_old"),
        (an_event(event_time=_AT - 63 * 86_400, action_source="physical_store"), "too_old"),
        (an_event(event_id=["a"]), "event_id"),
        (an_event(custom_data={"value": "ten", "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": [1], "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": True, "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": 10**12, "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": "1_0", "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": "NaN", "currency": "USD"}), "amount"),
        (an_event(custom_data={"value": 1}), "currency"),
        (an_event(custom_data={"value": 1, "currency": "US$"}), "currency"),
        (an_event(custom_data={"value": 1, "currency": "ЮСД"}), "currency"),
    ],
    ids=str,
)
def test_event_that_can_not_be_mapped_is_refused(event: Any, code: str) -> None:
    assert fault_of(adapted(event)) == code


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("100.2", "100.2"),
        ("0", "0"),
        ("-0.0", "0"),
        ('"5.00"', "5"),
        ('""', None),
        ("null", None),
        ("1e2", "100"),
        ("-12.5", "-12.5"),
        ("19.990000000000002", "19.99"),
        ("999999999999", "999999999999"),
        ("1e-400", "0"),
        ("0.1234567", "0.123457"),
    ],
)
def test_amount_is_exact(value: str, amount: str | None) -> None:
    event = json.dumps(an_event(custom_data={"value": "?", "currency": "eur"}))
    raw = event.replace('"?"', value)

    record = only_record(outcomes_of(adapt, a_call(f'{{"data": [{raw}]}}', headers=_JSON)))

    assert (record.amount, record.currency) == (amount, None if amount is None else "EUR")


def test_huge_exponent_takes_no_time() -> None:
    raw = json.dumps({"data": [an_event(custom_data={"value": "1E+999999999", "currency": "X"})]})

    assert fault_of(outcomes_of(adapt, a_call(raw, headers=_JSON))) == "amount"


def test_store_may_report_later_than_a_site() -> None:
    event = an_event(event_time=_AT - 61 * 86_400, action_source="physical_store")

    only_record(adapted(event))


def test_event_without_a_standard_name_is_custom_and_keeps_it() -> None:
    record = only_record(adapted(an_event(event_name="Лотерея 1")))

    assert (record.event_type, record.event_name) == ("custom", "Лотерея 1")
    assert record.amount is None


def test_identity_is_dataset_name_and_id() -> None:
    def id_of(dataset: str = "1", **fields: Any) -> str:
        call = a_call({"data": [an_event(**fields)]}, path={"dataset": dataset}, headers=_JSON)
        return str(only_record(outcomes_of(adapt, call)).event_id)

    usual = id_of()

    assert id_of(event_time=_AT + 1, user_data={"em": "x"}) == usual
    assert len({usual, id_of("2"), id_of(event_id="e-2"), id_of(event_name="Lead")}) == 4
    assert id_of(event_id=10**20) == id_of(event_id=str(10**20))
    assert id_of(event_id="\ud800 \x00" * 1000)


def test_event_without_an_id_is_identified_by_all_but_its_user() -> None:
    def id_of(**fields: Any) -> str:
        return str(only_record(adapted(an_event(event_id=None, **fields))).event_id)

    assert id_of() == id_of(user_data={"em": ["x"]})
    assert id_of() != id_of(event_time=_AT + 1)
    assert id_of(event_source_url="\ud800") != id_of(event_source_url="\ud83d\ude00")
    assert id_of(x=10**50) == id_of(x=10**50)


@pytest.mark.parametrize("field", ["external_id", "em", "ph"])
def test_user_is_known_by_a_list_or_a_single_value(field: str) -> None:
    one = only_record(adapted(an_event(user_data={field: "crm-77", "fbp": "fb.1.2.3"})))
    many = only_record(adapted(an_event(user_data={field: [None, "", "crm-77", "crm-78"]})))

    assert one.user_key == many.user_key
    assert one.user_key is not None


@pytest.mark.parametrize(
    "opt_out",
    [{"data_processing_options": ["LDU"]}, {"opt_out": True}, {"opt_out": "true"}],
    ids=str,
)
def test_a_user_who_opted_out_is_unknown(opt_out: dict[str, Any]) -> None:
    record = only_record(adapted(an_event(user_data={"external_id": "crm-77"}, **opt_out)))

    assert record.user_key is None


def test_ads_ids_are_kept_as_text() -> None:
    record = only_record(adapted(an_event(attribution_data={"ad_id": 2**60, "campaign_id": "7"})))

    assert (record.ad_id, record.campaign_id) == (str(2**60), "7")
