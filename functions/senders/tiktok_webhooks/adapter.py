"""Read deliveries of TikTok's webhooks: a request in, records out."""

import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from functions.errors import Fault
from functions.senders.adapting import (
    Adapted,
    BadProof,
    Call,
    Outcome,
    Refused,
    Skipped,
    Trust,
    Unmappable,
)
from functions.senders.canonical import CanonicalEvent, ErasureRequest, Retraction
from functions.senders.identity import record_id, user_key
from functions.senders.proofs import check_hex
from functions.senders.reading import Unreadable, decode, id_in, moment_of, needed_id
from functions.senders.redacting import redact

SIGNATURE: Final = "tiktok-signature"
_LONGEST_HEADER: Final = 1000
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_AHEAD_SECONDS: Final = 300
"""How far TikTok's clock may be ahead of ours."""

_MILLISECONDS: Final = 1000
_KEPT: Final = ("event", "create_time", "comment_action", "comment_type")
_REMOVING: Final = frozenset({"delete", "set_to_hidden"})
_CODE_BYTES: Final = 16


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a delivery; see ``Adapter``. One that is authentic and broken is a dead letter."""
    secret = _check(call, trust)
    return Adapted(_outcomes(call.body, trust.pepper), secret)


def _check(call: Call, trust: Trust) -> int:
    header = call.headers.get(SIGNATURE, "")
    if not header:
        raise BadProof("missing")
    parts = dict(part.strip().partition("=")[::2] for part in header[:_LONGEST_HEADER].split(","))
    at = parts.get("t", "")
    if not _SECONDS.fullmatch(at):
        raise BadProof("malformed")
    secret = check_hex(trust.secrets, parts.get("s", ""), at.encode(), b".", call.body)
    age = call.now.timestamp() - int(at)
    if not -_AHEAD_SECONDS <= age <= trust.options["tiktok_signature_tolerance_seconds"]:
        raise BadProof("expired")
    return secret


def _outcomes(body: bytes, pepper: bytes) -> Iterator[Outcome]:
    delivery: Any = body
    try:
        delivery = decode(body)
        yield _to_outcome(delivery, pepper)
    except Unreadable:
        fault = Fault("", "unreadable", "The delivery, or its content, is not JSON")
        yield Refused(0, fault, redact(delivery, _KEPT, pepper), "tiktok")
    except Unmappable as error:
        yield Refused(0, error.fault, redact(delivery, _KEPT, pepper), "tiktok")


def _to_outcome(delivery: Any, pepper: bytes) -> Outcome:
    if not isinstance(delivery, dict):
        raise Unmappable("", "object_type", "should be an object")
    name = needed_id(delivery, "event")
    match name:
        case "comment.update":
            return _of_comment(_content_of(delivery), pepper)
        case "authorization.removed":
            return _of_removal(delivery, name, pepper)
    return Skipped("unmapped", name)


def _content_of(delivery: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the content, which is JSON in a string."""
    content = delivery.get("content")
    if isinstance(content, str):
        content = decode(content)
    if not isinstance(content, dict):
        raise Unmappable("content", "object_type", "should be an object, as text")
    return content


def _of_comment(content: Mapping[str, Any], pepper: bytes) -> Outcome:
    action = id_in(content, "comment_action") or "none"
    name = f"comment.update.{action}"
    event_id = record_id("tiktok.webhook", "comment", needed_id(content, "comment_id", "content."))
    if action not in {"insert", *_REMOVING}:
        return Skipped("visibility", name)
    timestamp = moment_of(
        content.get("timestamp"), "content.timestamp", units_a_second=_MILLISECONDS
    )
    if action != "insert":
        return Retraction(
            event_id=record_id("retraction", event_id, timestamp.isoformat()),
            timestamp=timestamp,
            source="tiktok",
            platform_event=name,
            retracted_id=event_id,
        )
    user = id_in(content, "unique_identifier")
    return CanonicalEvent(
        event_id=event_id,
        timestamp=timestamp,
        source="tiktok",
        platform_event=name,
        event_type="comment",
        user_key=None if user is None else user_key(pepper, "tiktok", user),
    )


def _of_removal(delivery: Mapping[str, Any], name: str, pepper: bytes) -> ErasureRequest:
    user, timestamp = (
        needed_id(delivery, "user_openid"),
        moment_of(delivery.get("create_time"), "create_time"),
    )
    key = user_key(pepper, "tiktok", user)
    code = hmac.digest(pepper, f"removed|{key}|{timestamp.isoformat()}".encode(), "sha256")
    return ErasureRequest(
        event_id=record_id("tiktok.webhook", name, key, timestamp.isoformat()),
        timestamp=timestamp,
        source="tiktok",
        platform_event=name,
        user_key=key,
        confirmation_code=code[:_CODE_BYTES].hex(),
    )
