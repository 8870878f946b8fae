"""Meta's data deletion requests."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.senders.adapting import Adapted, BadProof, Malformed
from functions.senders.canonical import ErasureRequest
from functions.senders.identity import user_key
from functions.senders.meta_deletion.adapter import adapt
from tests.unit.functions.senders.calling import PEPPER, a_call, a_trust, sample

_SECRET = "meta-app-secret-sample"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def asked(signed: Any, *, public_url: str = "", **headers: str) -> Adapted:
    body = urlencode({"signed_request": signed}) if signed is not None else "x=1"
    call = a_call(body, headers={**_FORM, **headers})
    return adapt(call, a_trust(_SECRET, public_url=public_url))


def signed(payload: Any, secret: str = _SECRET) -> str:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    text = urlsafe_b64encode(raw).rstrip(b"=")
    signature = urlsafe_b64encode(hmac.digest(secret.encode(), text, "sha256")).rstrip(b"=")
    return f"{signature.decode()}.{text.decode()}"


def test_sample_asks_to_erase_its_user() -> None:
    found = sample(9)

    adapted = asked(found["request"]["form"]["signed_request"], host="gateway.example")

    (record,) = adapted.outcomes
    assert isinstance(record, ErasureRequest)
    assert record.user_key == user_key(PEPPER, "facebook", found["decoded"]["user_id"])
    assert adapted.reply is not None
    code = adapted.reply["confirmation_code"]
    assert record.confirmation_code == code
    expected = found["expected_response"]["body"]
    assert adapted.reply["url"] == expected["url"].replace("<code>", code)


def test_request_sent_again_has_the_same_code() -> None:
    first, again = [asked(signed({"user_id": "1", "issued_at": 5})) for _ in range(2)]

    assert first.reply == again.reply
    assert first.reply != asked(signed({"user_id": "1", "issued_at": 6})).reply


@pytest.mark.parametrize(
    ("headers", "public_url", "base"),
    [
        ({"Host": "localhost:3001"}, "", "http://localhost:3001"),
        ({"Host": "eps.example", "X-Forwarded-Proto": "http"}, "", "http://eps.example"),
        ({"Host": "eps.example", "X-Forwarded-Proto": "javascript"}, "", "https://eps.example"),
        ({"Host": "inside"}, "https://eps.example/", "https://eps.example"),
    ],
    ids=str,
)
def test_page_is_where_people_reach_it(headers: dict[str, str], public_url: str, base: str) -> None:
    reply = asked(signed({"user_id": 1}), public_url=public_url, **headers).reply

    assert reply is not None
    assert reply["url"].startswith(f"{base}/privacy/requests/")


@pytest.mark.parametrize(
    "request_",
    [
        None,
        "",
        ".",
        "x",
        "é.é",
        "!!!!.e30",
        "a.e30",
        "x" * 20_000,
        signed({"user_id": "1"}, "other"),
    ],
    ids=lambda it: str(it)[:20],
)
def test_bad_proof_is_one(request_: str | None) -> None:
    with pytest.raises(BadProof):
        asked(request_)


def test_body_that_is_no_form_is_a_bad_proof() -> None:
    with pytest.raises(BadProof):
        adapt(a_call(b"\xff", headers=_FORM), a_trust(_SECRET, public_url=""))


@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff", {}, [], {"user_id": None}, {"user_id": "1", "algorithm": "none"}],
    ids=str,
)
def test_authentic_request_that_is_broken_is_refused(payload: Any) -> None:
    with pytest.raises(Malformed):
        asked(signed(payload))
