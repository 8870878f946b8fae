"""Deliveries of TikTok's webhooks and of TikTok Shop's: each sample, each hostile proof."""

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from functions.senders.adapting import BadProof, Refused, Skipped
from functions.senders.canonical import ErasureRequest, Retraction
from functions.senders.identity import user_key
from functions.senders.tiktok_shop.adapter import adapt as adapt_shop
from functions.senders.tiktok_webhooks.adapter import adapt
from tests.unit.functions.senders.calling import (
    NOW,
    PEPPER,
    a_call,
    a_trust,
    expected_of,
    fault_of,
    only_record,
    outcomes_of,
    sample,
    shown,
)

_SECRET = "tiktok-client-secret-sample"
_AT = 1795010400
_TRUST = a_trust(_SECRET, "old", tiktok_signature_tolerance_seconds=73 * 3600)
_SHOP = a_trust("123", tiktok_shop_app_key="abcdef")


def signed(body: bytes, at: str = str(_AT), secret: str = _SECRET, **more: Any) -> Any:
    signature = hmac.digest(secret.encode(), at.encode() + b"." + body, "sha256").hex()
    return a_call(body, headers={"TikTok-Signature": f"t={at},s={signature}"}, **more)


def delivered(**fields: Any) -> list[Any]:
    body = {"event": "comment.update", "create_time": _AT, "user_openid": "act.1", **fields}
    if isinstance(body.get("content"), dict):
        body["content"] = json.dumps(body["content"])
    return outcomes_of(adapt, signed(json.dumps(body).encode()), _TRUST)


def a_comment(**fields: Any) -> dict[str, Any]:
    plain = {"comment_id": 2**62, "comment_action": "insert", "timestamp": _AT * 1000 + 109}
    return {**plain, "unique_identifier": "AbC==", "text": "nice", **fields}


def test_sample_of_a_comment_is_read_as_it_says() -> None:
    found = sample(5)
    call = a_call(found["raw_body"], headers=found["request"]["headers"])

    record = only_record(outcomes_of(adapt, call, _TRUST))

    expected = expected_of(found["expected"]["events"][0]) | {"purchaseAmount": None}
    assert shown(record) | {"timestamp": "2026-11-18T14:00:00Z"} == expected
    assert record.timestamp.microsecond == 109_000


def test_sample_of_an_authorization_removed_erases_the_user() -> None:
    found = sample(6)
    call = a_call(found["raw_body"], headers=found["request"]["headers"])

    record = only_record(outcomes_of(adapt, call, _TRUST))

    account = found["expected"]["privacy"][0]["accountId"]
    assert isinstance(record, ErasureRequest)
    assert record.user_key == user_key(PEPPER, "tiktok", account)
    assert account not in repr(record)


@pytest.mark.parametrize("action", ["delete", "set_to_hidden"])
def test_comment_is_taken_back(action: str) -> None:
    comment = only_record(delivered(content=a_comment()))
    record = only_record(delivered(content=a_comment(comment_action=action)))

    assert isinstance(record, Retraction)
    assert record.retracted_id == comment.event_id


def test_parts_that_are_not_events_are_skipped() -> None:
    assert delivered(content=a_comment(comment_action="set_to_public")) == [
        Skipped("visibility", "comment.update.set_to_public")
    ]
    assert delivered(event="video.publish.completed") == [
        Skipped("unmapped", "video.publish.completed")
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"event": None}, "missing_id"),
        ({"content": None}, "object_type"),
        ({"content": "{"}, "unreadable"),
        ({"content": "[]"}, "object_type"),
        ({"content": a_comment(comment_id=None)}, "missing_id"),
        ({"content": a_comment(timestamp=None)}, "unix_time"),
        ({"content": a_comment(timestamp=10**20)}, "unix_time"),
        ({"event": "authorization.removed", "user_openid": None}, "missing_id"),
    ],
    ids=str,
)
def test_delivery_that_can_not_be_mapped_is_refused(fields: dict[str, Any], code: str) -> None:
    assert fault_of(delivered(**fields)) == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000])
def test_authentic_delivery_that_is_broken_is_a_dead_letter(body: bytes) -> None:
    (outcome,) = outcomes_of(adapt, signed(body), _TRUST)
    signature = hmac.digest(b"123", b"abcdef" + body, "sha256").hex()
    (of_shop,) = outcomes_of(adapt_shop, a_call(body, headers={"Authorization": signature}), _SHOP)

    assert isinstance(outcome, Refused)
    assert isinstance(of_shop, Refused)


_GOOD = signed(b"{}").headers.get("tiktok-signature", "")
_SIGNATURE = _GOOD.partition("s=")[2]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ",",
        "t",
        "=",
        _SIGNATURE,
        f"s={_SIGNATURE}",
        f"t=,s={_SIGNATURE}",
        f"t=\u0661\u0667\u0669,s={_SIGNATURE}",
        f"t=²,s={_SIGNATURE}",
        f"t=-1,s={_SIGNATURE}",
        f"t=1e9,s={_SIGNATURE}",
        f"t={'9' * 5000},s={_SIGNATURE}",
        f"t={_AT + 1},s={_SIGNATURE}",
        f"t={_AT}",
        f"t={_AT},s=",
        f"t={_AT},s={'é' * 64}",
        f"t={_AT},s={'0' * 10_000}",
        f"t={_AT},s={_SIGNATURE[:-1]}",
        "x" * 10_000,
    ],
)
def test_bad_proof_is_one(header: str | None) -> None:
    headers = {} if header is None else {"TikTok-Signature": header}

    with pytest.raises(BadProof):
        adapt(a_call(b"{}", headers=headers), _TRUST)


def test_signature_holds_for_as_long_as_tiktok_tries() -> None:
    adapt(signed(b"{}", now=NOW + timedelta(hours=72)), _TRUST)
    for now in (NOW + timedelta(hours=74), NOW - timedelta(hours=1)):
        with pytest.raises(BadProof) as raised:
            adapt(signed(b"{}", now=now), _TRUST)
        assert raised.value.fault == "expired"


def test_an_older_secret_also_proves_a_delivery() -> None:
    assert adapt(signed(b"{}"), _TRUST).secret == 0
    assert adapt(signed(b"{}", secret="old"), _TRUST).secret == 1


def of_shop(**data: Any) -> list[Any]:
    plain = {"order_id": 2**62, "order_status": "AWAITING_SHIPMENT", "update_time": _AT}
    body = json.dumps({"type": 1, "shop_id": "7", "data": {**plain, **data}}).encode()
    signature = hmac.digest(b"123", b"abcdef" + body, "sha256").hex()
    return outcomes_of(adapt_shop, a_call(body, headers={"Authorization": signature}), _SHOP)


def test_sample_of_an_order_is_read_as_it_says() -> None:
    found = sample(7)
    call = a_call(found["raw_body"], headers=found["request"]["headers"])
    trust = a_trust(found["secret_for_test"], tiktok_shop_app_key=found["app_key_for_test"])

    record = only_record(outcomes_of(adapt_shop, call, trust))

    assert shown(record) == expected_of(found["expected"]["events"][0])


def test_official_vector_of_the_shop_s_signature_holds() -> None:
    vector = sample(7)["official_signature_vector"]
    call = a_call(vector["raw_body"], headers={"Authorization": vector["authorization"]})

    (outcome,) = outcomes_of(adapt_shop, call, _SHOP)

    assert outcome == Skipped("no_payment", "shop.type1.UNPAID")


@pytest.mark.parametrize(
    "header", [None, "", "x", "é" * 64, "0" * 64, "0" * 10_000, "Bearer " + "0" * 57]
)
def test_bad_proof_of_a_shop_is_one(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    with pytest.raises(BadProof):
        adapt_shop(a_call(b"{}", headers=headers), _SHOP)


@pytest.mark.parametrize("status", ["CANCEL", "CANCELLED"])
def test_a_cancelled_order_is_retracted(status: str) -> None:
    paid = only_record(of_shop())
    record = only_record(of_shop(order_status=status))

    assert record.retracted_id == paid.event_id


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"order_id": None}, "missing_id"),
        ({"order_status": None}, "missing_id"),
        ({"update_time": "x"}, "unix_time"),
    ],
    ids=str,
)
def test_order_that_can_not_be_mapped_is_refused(data: dict[str, Any], code: str) -> None:
    assert fault_of(of_shop(**data)) == code
