"""Every adapter, for any input: only its own outcomes, and nothing personal in any of them."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.senders.adapting import (
    Adapted,
    BadProof,
    Call,
    Malformed,
    Outcome,
    Refused,
    Skipped,
    Trust,
)
from functions.senders.canonical import decode_record, encode_record
from functions.senders.table import SENDERS, Sender
from runtime.settings import IngestSettings
from tests.unit.functions.senders.calling import NOW, PEPPER, sample

_SECRET: Final = b"secret"
_OPTIONS: Final = {
    "meta_verify_token": "token",
    "public_url": "",
    "tiktok_signature_tolerance_seconds": 73 * 3600,
    "tiktok_shop_app_key": "key",
}
_AT: Final = "1795010400"
_SAMPLES: Final[Mapping[str, tuple[int, ...]]] = {
    "meta_conversions": (4,),
    "tiktok_events": (8,),
    "meta_webhooks": (1, 2, 3),
    "meta_deletion": (9,),
    "tiktok_webhooks": (5, 6),
    "tiktok_shop": (7,),
}
_BOUNDED: Final = settings(max_examples=150, deadline=None)
_JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["", "\x00", "\ud800", "1795010400", "1e999999999", "NaN", "{", "[]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def trust() -> Trust:
    return Trust(PEPPER, [_SECRET], _OPTIONS)


def signed(body: bytes, content_type: str = "application/json") -> Call:
    """Sign a body for every platform at once; a signed request is in its form."""

    def sign(*parts: bytes) -> str:
        return hmac.digest(_SECRET, b"".join(parts), "sha256").hex()

    headers = {
        "content-type": content_type,
        "x-hub-signature-256": f"sha256={sign(body)}",
        "tiktok-signature": f"t={_AT},s={sign(_AT.encode(), b'.', body)}",
        "authorization": sign(b"key", body),
    }
    return Call(headers, [], {"dataset": "1"}, body, NOW)


def adapted(sender: Sender, call: Call) -> list[Outcome]:
    """Adapt a call, with only the outcomes of an adapter; each record is readable."""
    try:
        found = sender.adapt(call, trust())
        assert isinstance(found, Adapted)
        outcomes = list(found.outcomes)
    except (BadProof, Malformed):
        return []
    for outcome in outcomes:
        if isinstance(outcome, Refused):
            assert len(outcome.payload) < 1000
            json.loads(outcome.payload)
        elif not isinstance(outcome, Skipped):
            assert decode_record(encode_record(outcome)) == outcome
    return outcomes


every_sender = pytest.mark.parametrize("sender", SENDERS, ids=lambda it: it.name)


@every_sender
def test_settings_of_a_row_are_there(sender: Sender) -> None:
    named = {*sender.options, *([sender.secrets] if sender.secrets else [])}

    assert named <= IngestSettings.model_fields.keys()


@every_sender
@given(body=st.binary(max_size=300), content_type=st.text(max_size=60))
@_BOUNDED
def test_any_bytes_are_an_outcome(sender: Sender, body: bytes, content_type: str) -> None:
    adapted(sender, signed(body, content_type))


@every_sender
@given(
    header=st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1"))
)
@_BOUNDED
def test_any_proof_is_an_outcome(sender: Sender, header: str) -> None:
    names = ("x-hub-signature-256", "tiktok-signature", "authorization", "access-token")
    form = urlencode({"signed_request": header.encode(errors="replace")})
    for body in (b"{}", form.encode()):
        call = Call(dict.fromkeys(names, header), [("access_token", header)], {}, body, NOW)
        if sender.secrets is None:
            guarded = Trust(PEPPER, admits=lambda token: token == b"only this")
            with pytest.raises(BadProof):
                sender.adapt(call, guarded)
        else:
            with pytest.raises(BadProof):
                sender.adapt(call, trust())


def places_in(value: Any) -> list[tuple[Any, ...]]:
    """List the ways to every value in decoded JSON."""
    found: list[tuple[Any, ...]] = [()]
    if isinstance(value, dict):
        found += [(key, *way) for key, each in value.items() for way in places_in(each)]
    elif isinstance(value, list):
        found += [(at, *way) for at, each in enumerate(value) for way in places_in(each)]
    return found


def bent(value: Any, way: tuple[Any, ...], other: Any) -> Any:
    """Copy decoded JSON with another value at a place; None removes it."""
    if not way:
        return other
    if isinstance(value, list):
        return [bent(it, way[1:], other) if at == way[0] else it for at, it in enumerate(value)]
    return {key: bent(it, way[1:], other) if key == way[0] else it for key, it in value.items()}


def bodies_of(sender: Sender) -> list[Any]:
    """The decoded bodies of a sender's samples; JSON in a string is decoded too."""
    found = []
    for number in _SAMPLES[sender.name]:
        body = sample(number).get("body") or sample(number)["decoded"]
        if isinstance(body.get("content"), str):
            body = {**body, "content": json.loads(body["content"])}
        found.append(body)
    return found


def written(sender: Sender, body: Any) -> Call:
    """Write a body as the platform would, and sign it."""
    if sender.name == "meta_deletion":
        return asked(body)
    if sender.name == "tiktok_webhooks" and isinstance(body, dict) and "content" in body:
        body = {**body, "content": json.dumps(body["content"])}
    return signed(json.dumps(body).encode())


def asked(payload: Any) -> Call:
    text = urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=")
    signature = urlsafe_b64encode(hmac.digest(_SECRET, text, "sha256")).rstrip(b"=")
    body = urlencode({"signed_request": signature + b"." + text}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Call(headers, [], {}, body, NOW)


@every_sender
def test_samples_are_read(sender: Sender) -> None:
    for body in bodies_of(sender):
        outcomes = adapted(sender, written(sender, body))

        assert outcomes
        assert not [it for it in outcomes if isinstance(it, Refused)]


@every_sender
@given(data=st.data())
@_BOUNDED
def test_body_bent_in_any_place_is_an_outcome(sender: Sender, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(bodies_of(sender)))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(places_in(body)))
        body = bent(body, way, data.draw(_JSON))

    adapted(sender, written(sender, body))


_PERSONAL: Final = "anna.smith+secret@example.org"


@every_sender
def test_nothing_personal_is_in_the_output(sender: Sender) -> None:
    allowed = _places_of_names(sender)
    for body in bodies_of(sender):
        for way in places_in(body):
            if way and way[-1] not in allowed:
                outcomes = adapted(sender, written(sender, bent(body, way, _PERSONAL)))
                found = [it for it in outcomes if "secret@" in shown(it)]
                assert found == [], way


def _places_of_names(sender: Sender) -> set[str]:
    """Places where the sender writes its own name or id, which is kept."""
    shared = {"event_name", "event", "order_id", "order_status", "type"}
    kept: dict[str, set[str]] = {
        "meta_webhooks": {
            *("object", "field", "item", "verb", "ad_id"),
            *("subscription_id", "object_id", "object_type", "current_value"),
        },
        "tiktok_webhooks": {"comment_action"},
    }
    return shared | kept.get(sender.name, set())


def shown(outcome: Outcome) -> str:
    if isinstance(outcome, Refused | Skipped):
        return str(outcome)
    return encode_record(outcome).decode()
