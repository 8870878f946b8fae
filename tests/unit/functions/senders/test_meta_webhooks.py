"""Deliveries of Meta's webhooks: each sample, and undocumented variants."""

import hmac
import json
from typing import Any

import pytest

from functions.senders.adapting import BadProof, Refused, Skipped
from functions.senders.canonical import CanonicalEvent, MetricSnapshot, Retraction
from functions.senders.identity import user_key
from functions.senders.meta_webhooks.adapter import adapt, shake
from tests.unit.functions.senders.calling import (
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

SECRET = "meta-app-secret-sample"
_AT = 1795010400
_PAGE = "102030405060708"


def signed(body: bytes, secret: str = SECRET) -> Any:
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return a_call(body, headers={"X-Hub-Signature-256": f"sha256={signature}"})


def delivered(body: Any) -> list[Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return outcomes_of(adapt, signed(raw), a_trust(SECRET))


def a_delivery(*values: dict[str, Any], field: str = "feed", kind: str = "page") -> dict[str, Any]:
    changes = [{"field": field, "value": value} for value in values]
    return {"object": kind, "entry": [{"id": _PAGE, "time": _AT + 3, "changes": changes}]}


def a_comment(**fields: Any) -> dict[str, Any]:
    plain = {"item": "comment", "verb": "add", "comment_id": "9_5", "created_time": _AT}
    return {**plain, "from": {"id": "77", "name": "Zoë"}, "message": "café \U0001f600", **fields}


def a_like(**fields: Any) -> dict[str, Any]:
    plain = {"item": "reaction", "reaction_type": "like", "verb": "add", "post_id": "1_9"}
    return {**plain, "created_time": _AT, "from": {"id": "77"}, **fields}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_sample_is_read_as_it_says(number: int) -> None:
    found = sample(number)
    call = a_call(found["raw_body"], headers=found["request"]["headers"])

    outcomes = outcomes_of(adapt, call, a_trust(found["secret_for_test"]))

    expected = found["expected"]
    events = [it for it in outcomes if isinstance(it, CanonicalEvent)]
    assert [shown(it) for it in events] == [expected_of(it) for it in expected.get("events", [])]
    assert [it.ad_id for it in events] == [
        it["data"]["engagement"].get("adId") for it in expected.get("events", [])
    ]
    assert [it for it in outcomes if isinstance(it, Skipped)] == [
        Skipped(it["reason"], it["platformEvent"]) for it in expected.get("skipped", [])
    ]
    retractions = [it for it in outcomes if isinstance(it, Retraction)]
    assert [it.platform_event for it in retractions] == [
        it["platformEvent"] for it in expected.get("retractions", [])
    ]
    metrics = [it for it in outcomes if isinstance(it, MetricSnapshot)]
    assert [(it.object_type, it.object_id, it.metric, it.value) for it in metrics] == [
        (it["objectType"], it["objectId"], it["metric"], it["value"])
        for it in expected.get("metrics", [])
    ]


def test_comment_is_taken_back_by_its_id() -> None:
    comment, retraction = delivered(
        a_delivery(a_comment(), a_comment(verb="remove", created_time=_AT + 60))
    )

    assert retraction.retracted_id == comment.event_id
    assert comment.user_key == user_key(PEPPER, "facebook", "77")
    assert retraction.timestamp > comment.timestamp


@pytest.mark.parametrize("verb", ["remove", "delete", "hide"])
def test_removal_needs_neither_user_nor_time(verb: str) -> None:
    record = only_record(
        delivered(a_delivery({"item": "comment", "verb": verb, "comment_id": "9_5"}))
    )

    assert record.retracted_id == only_record(delivered(a_delivery(a_comment()))).event_id


def test_a_like_is_retracted_by_its_user_and_post() -> None:
    like, other, removal = delivered(
        a_delivery(a_like(), a_like(post_id="1_10"), a_like(verb="remove", created_time=_AT + 60))
    )

    assert removal.retracted_id == like.event_id
    assert other.event_id != like.event_id


def test_user_likes_a_post_once() -> None:
    other = {"from": {"id": "78"}}
    first, again, second = delivered(
        a_delivery(a_like(), a_like(created_time=_AT + 1), a_like(**other))
    )

    assert first.event_id == again.event_id
    assert first.event_id != second.event_id


def test_likes_of_users_that_are_not_named_differ_by_time() -> None:
    unnamed = {"from": None}
    first, again, second = delivered(
        a_delivery(a_like(**unnamed), a_like(**unnamed), a_like(created_time=_AT + 1, **unnamed))
    )

    assert first.event_id == again.event_id
    assert first.event_id != second.event_id


def test_like_without_a_post_is_one_of_the_page() -> None:
    record = only_record(
        delivered(a_delivery({"item": "like", "verb": "add", "created_time": _AT}))
    )

    assert (record.event_type, record.mapping, record.user_key) == ("page.like", "exact", None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (a_comment(**{"from": {"id": int(_PAGE)}}), "own_page_activity"),
        (a_comment(verb="edited"), "edited"),
        (a_comment(verb="unhide"), "visibility"),
        (a_like(reaction_type="love"), "unmapped"),
        ({"item": "status", "verb": "add"}, "unmapped"),
        ({}, "unmapped"),
    ],
    ids=str,
)
def test_parts_that_are_not_events_are_skipped(value: dict[str, Any], reason: str) -> None:
    (outcome,) = delivered(a_delivery(value))

    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (a_comment(comment_id=None), "missing_id"),
        (a_comment(comment_id="9\x005"), "missing_id"),
        (a_comment(created_time=None), "unix_time"),
        (a_comment(created_time="2026-11-18"), "unix_time"),
        (a_like(created_time=10**30), "unix_time"),
    ],
    ids=str,
)
def test_change_that_can_not_be_mapped_is_refused(value: dict[str, Any], code: str) -> None:
    assert fault_of(delivered(a_delivery(value))) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 50_000,
        b"[]",
        b"{}",
        b'"x"',
        {"object": "page"},
        {"object": "page", "entry": []},
        {"object": ["page"], "entry": [{}]},
        {"object": "page", "entry": ["x"]},
        {"object": "page", "entry": [{"id": "1", "changes": ["x"]}]},
        {"object": "page", "entry": [{"id": "1", "changes": [{"field": "feed", "value": []}]}]},
        {"object": "page", "entry": [{"id": "1"}]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_authentic_delivery_that_is_broken_is_a_dead_letter(body: Any) -> None:
    (outcome,) = delivered(body)

    assert isinstance(outcome, Refused)


def test_shapes_are_distinguished_by_their_keys() -> None:
    lead = {"leadgen_id": 5, "created_time": _AT, "ad_id": 2**60}
    entries = [
        {"id": "1", "time": _AT, "messaging": [{"sender": {"id": "77"}}]},
        {"id": "1", "time": _AT, "changed_fields": ["feed"]},
        {"id": "1", "time": _AT, "field": "leadgen", "value": lead},
    ]

    message, wrong, flat = delivered({"object": "page", "entry": entries})

    assert message == Skipped("unmapped", "page.messaging")
    assert wrong == Skipped("wrong_subscription", "page.changed_fields")
    assert (flat.event_type, flat.ad_id) == ("form.submission", str(2**60))


def test_thousand_changes_are_a_thousand_outcomes() -> None:
    comments = [a_comment(comment_id=f"9_{number}") for number in range(1000)]

    assert len({it.event_id for it in delivered(a_delivery(*comments))}) == 1000


def test_an_older_secret_also_proves_a_delivery() -> None:
    call, trust = signed(b"{}", "old"), a_trust("new", "old")

    assert adapt(call, trust).secret == 1
    assert adapt(signed(b"{}", "new"), trust).secret == 0


def test_signature_is_over_the_raw_bytes() -> None:
    found = sample(1)
    spaced = json.dumps(json.loads(found["raw_body"])).encode()

    with pytest.raises(BadProof):
        adapt(a_call(spaced, headers=found["request"]["headers"]), a_trust(SECRET))


GOOD = signed(b"{}").headers.get("x-hub-signature-256", "")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=" + GOOD[7:],
        GOOD[7:],
        GOOD[:-1],
        GOOD + "0",
        "sha256=" + "é" * 64,
        "sha256=" + "\u0661" * 64,
        "sha256=" + "0" * 64,
        "sha256=" + "0" * 10_000,
        "sha256=sha256=" + GOOD[7:],
    ],
)
def test_bad_proof_is_one(header: str | None) -> None:
    headers = {} if header is None else {"X-Hub-Signature-256": header}

    with pytest.raises(BadProof):
        adapt(a_call(b"{}", headers=headers), a_trust(SECRET))


def test_handshake_is_answered_byte_for_byte() -> None:
    found = sample(0)
    trust = a_trust(SECRET, meta_verify_token="sample-verify-token")

    answer = shake(a_call(query=list(found["request"]["query"].items())), trust)

    expected = found["expected_response"]
    assert (answer.status, answer.body) == (expected["status"], expected["body"])


@pytest.mark.parametrize(
    "query",
    [
        [],
        [("hub.mode", "subscribe"), ("hub.challenge", "1")],
        [("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "wrong")],
        [("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "é")],
        [("hub.mode", "x"), ("hub.challenge", "1"), ("hub.verify_token", "token")],
    ],
    ids=str,
)
def test_handshake_needs_the_token(query: list[tuple[str, str]]) -> None:
    with pytest.raises(BadProof):
        shake(a_call(query=query), a_trust(SECRET, meta_verify_token="token"))


def test_handshake_without_a_token_of_ours_is_refused() -> None:
    query = [("hub.mode", "subscribe"), ("hub.challenge", "1"), ("hub.verify_token", "")]

    with pytest.raises(BadProof):
        shake(a_call(query=query), a_trust(SECRET, meta_verify_token=""))
