"""Signatures of Standard Webhooks: the sample, and each hostile one."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.senders.adapting import BadProof
from functions.senders.standard_webhooks import check_signature, decode_secret
from tests.unit.functions.senders.calling import sample

_SAMPLE = sample(10)
_SECRET = decode_secret(_SAMPLE["secret_for_test"])
_BODY = _SAMPLE["raw_body"].encode()
_NOW = datetime.fromtimestamp(_SAMPLE["now_for_test"], UTC)
_HEADERS = {name.lower(): value for name, value in _SAMPLE["request"]["headers"].items()}


def test_sample_is_proven() -> None:
    assert check_signature(_HEADERS, _BODY, [_SECRET], _NOW) == 0
    assert check_signature(_HEADERS, _BODY, [b"new", _SECRET], _NOW) == 1


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", ["", "x", "é", "\u0661\u0667", "v1,", "v1,é", "v1,AAA", "v2,AAAA", "0", "9" * 10_000]
)
def test_bad_proof_is_one(name: str, value: str) -> None:
    with pytest.raises(BadProof):
        check_signature({**_HEADERS, name: value}, _BODY, [_SECRET], _NOW)


@given(st.text(), st.text(), st.text(), st.binary())
def test_any_headers_are_a_bad_proof(one: str, two: str, three: str, body: bytes) -> None:
    headers = {"webhook-id": one, "webhook-timestamp": two, "webhook-signature": three}

    with pytest.raises(BadProof):
        check_signature(headers, body, [_SECRET], _NOW)


def test_other_body_is_not_proven() -> None:
    with pytest.raises(BadProof):
        check_signature(_HEADERS, _BODY + b" ", [_SECRET], _NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_old_signature_is_expired(minutes: int) -> None:
    with pytest.raises(BadProof) as raised:
        check_signature(_HEADERS, _BODY, [_SECRET], _NOW + timedelta(minutes=minutes))

    assert raised.value.fault == "expired"


def test_one_good_signature_of_several_is_enough_and_many_are_not_read() -> None:
    head = f"{_HEADERS['webhook-id']}.{_HEADERS['webhook-timestamp']}.".encode()
    good = b64encode(hmac.digest(_SECRET, head + _BODY, "sha256")).decode()
    few = {**_HEADERS, "webhook-signature": f"v1a,x v1,AAAA v1,!! v1,{good}"}
    many = {**_HEADERS, "webhook-signature": "v1,AAAA " * 10 + f"v1,{good}"}

    assert check_signature(few, _BODY, [_SECRET], _NOW) == 0
    with pytest.raises(BadProof):
        check_signature(many, _BODY, [_SECRET], _NOW)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_é", "whsec_a", "MDEyMzQ1Njc4"])
def test_secret_is_base64_with_its_prefix(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode_secret(text)
