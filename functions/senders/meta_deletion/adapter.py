"""Read a data deletion request of Meta's: a signed request in, a request to erase a user out."""

import binascii
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any, Final

from functions.errors import Fault
from functions.events.timestamps import UtcMoment
from functions.senders.adapting import Adapted, BadProof, Call, Malformed, Outcome, Trust
from functions.senders.canonical import ErasureRequest
from functions.senders.forms import read_fields
from functions.senders.identity import record_id, user_key
from functions.senders.meta_deletion.answers import reply_of
from functions.senders.proofs import check_raw
from functions.senders.reading import Unreadable, decode, id_in

_MAX_BYTES: Final = 10_000
_CODE_BYTES: Final = 16


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a request; see ``Adapter``."""
    payload, secret = _checked(call, trust)
    try:
        told = decode(urlsafe_b64decode(_padded(payload)))
    except (Unreadable, binascii.Error) as error:
        raise _malformed("the payload should be a JSON object in base64url") from error
    user = id_in(told, "user_id") if isinstance(told, dict) else None
    if user is None:
        raise _malformed("the payload should have a user_id")
    if told.get("algorithm") not in (None, "HMAC-SHA256"):
        raise _malformed("the algorithm should be HMAC-SHA256")
    code = hmac.digest(trust.pepper, b"deletion|" + payload, "sha256")[:_CODE_BYTES].hex()
    reply = reply_of(code, str(trust.options["public_url"]), call.headers)
    return Adapted(_outcomes(user, code, call, trust), secret, reply)


def _checked(call: Call, trust: Trust) -> tuple[bytes, int]:
    try:
        fields = read_fields(call.headers.get("content-type", ""), call.body)
    except Unreadable as error:
        raise BadProof("malformed") from error
    signed: Any = fields.get("signed_request")
    if not isinstance(signed, str) or not signed:
        raise BadProof("missing")
    signature, _, payload = signed.partition(".")
    try:
        raw = urlsafe_b64decode(_padded(signature.encode("ascii")))
        text = payload.encode("ascii")
    except (UnicodeEncodeError, binascii.Error) as error:
        raise BadProof("malformed") from error
    if len(signed) > _MAX_BYTES:
        raise BadProof("malformed")
    return text, check_raw(trust.secrets, [raw], text)


def _padded(text: bytes) -> bytes:
    return text + b"=" * (-len(text) % 4)


def _outcomes(user: str, code: str, call: Call, trust: Trust) -> Iterator[Outcome]:
    yield ErasureRequest(
        event_id=record_id("meta.deletion", code),
        timestamp=UtcMoment.fromtimestamp(call.now.timestamp(), call.now.tzinfo),
        source="facebook",
        platform_event="data_deletion",
        user_key=user_key(trust.pepper, "facebook", user),
        confirmation_code=code,
    )


def _malformed(message: str) -> Malformed:
    return Malformed(Fault("signed_request", "unreadable", message))
