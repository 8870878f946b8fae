"""Read deliveries of Meta's webhooks: a request in, records out."""

import hmac
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from functions.errors import Fault
from functions.senders.adapting import (
    Adapted,
    BadProof,
    Call,
    Outcome,
    Refused,
    Skipped,
    SkipReason,
    Trust,
    Unmappable,
)
from functions.senders.answering import Answer
from functions.senders.canonical import CanonicalEvent, MetricSnapshot, Retraction
from functions.senders.identity import record_id, user_key
from functions.senders.proofs import check_hex
from functions.senders.reading import (
    Unreadable,
    decode,
    id_in,
    moment_of,
    needed_id,
    to_id,
)
from functions.senders.redacting import redact

SIGNATURE: Final = "x-hub-signature-256"
_PREFIX: Final = "sha256="
_KEPT: Final = ("kind", "field", "item", "verb", "reaction_type", "created_time")
_NONE: Final = "0"
"""How ids of ads are written where a lead came without an ad."""

_REMOVING: Final = frozenset({"remove", "delete", "hide"})
_EDITING: Final = frozenset({"edit", "edited", "update"})


class _Change(NamedTuple):
    """One change of a delivery.

    Attributes:
        kind: The object that the subscription is of, ``page``.
        owner: The object's id, the page's; None if there is none.
        sent_at: When it was sent, as received.
        field: Which field of the object changed.
        value: The current value.
        sender: Who did it, by the platform's id.
    """

    kind: str
    owner: str | None
    sent_at: Any
    field: str
    value: Mapping[str, Any]
    sender: str | None


def shake(call: Call, trust: Trust) -> Answer:
    """Answer the handshake: the challenge, byte for byte.

    Raises:
        BadProof: The token is not ours, or it is not a handshake.
    """
    query = dict(reversed(call.query))
    token = query.get("hub.verify_token", "").encode()
    expected = str(trust.options["meta_verify_token"]).encode()
    if (
        not expected
        or not hmac.compare_digest(token, expected)
        or query.get("hub.mode") != "subscribe"
    ):
        raise BadProof("mismatch" if token else "missing")
    return Answer(200, query.get("hub.challenge", ""))


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a delivery; see ``Adapter``. One that is authentic and broken is a dead letter."""
    given = call.headers.get(SIGNATURE, "")
    if given and not given.startswith(_PREFIX):
        raise BadProof("malformed")
    secret = check_hex(trust.secrets, given.removeprefix(_PREFIX), call.body)
    try:
        delivery = decode(call.body)
    except Unreadable:
        return Adapted(_unreadable(call.body, trust), secret)
    return Adapted(_outcomes(delivery, trust), secret)


def _unreadable(body: bytes, trust: Trust) -> Iterator[Outcome]:
    fault = Fault("", "unreadable", "The delivery is not JSON")
    yield Refused(0, fault, redact(body, (), trust.pepper), "facebook")


def _outcomes(delivery: Any, trust: Trust) -> Iterator[Outcome]:
    for position, part in enumerate(_parts(delivery)):
        try:
            yield _to_outcome(part, trust.pepper)
        except Unmappable as error:
            kept = part
            if isinstance(part, _Change):
                kept = {**part.value, **part._asdict()}
            yield Refused(position, error.fault, redact(kept, _KEPT, trust.pepper), "facebook")


def _parts(delivery: Any) -> Iterator[Any]:
    """List the changes and the parts that are none, by the kind of content."""
    entries = delivery.get("entry") if isinstance(delivery, dict) else None
    kind = to_id(delivery.get("object")) if isinstance(delivery, dict) else None
    if not isinstance(entries, list) or not entries or kind is None:
        yield delivery
        return
    for entry in entries:
        if not isinstance(entry, dict):
            yield entry
        elif isinstance(entry.get("changes"), list):
            head = kind, id_in(entry, "id"), entry.get("time")
            for change in entry["changes"]:
                yield _change(head, change)
        elif isinstance(entry.get("messaging"), list):
            yield from [Skipped("unmapped", f"{kind}.messaging")] * len(entry["messaging"])
        elif "changed_fields" in entry:
            yield Skipped("wrong_subscription", f"{kind}.changed_fields")
        else:
            yield _change((kind, id_in(entry, "id"), entry.get("time")), entry)


def _change(head: tuple[str, str | None, Any], change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    field, value = to_id(change.get("field")), change.get("value")
    if field is None or not isinstance(value, dict):
        return change
    who = value.get("from")
    sender = to_id(who.get("id")) if isinstance(who, dict) else None
    return _Change(*head, field, value, sender)


def _to_outcome(part: Any, pepper: bytes) -> Outcome:
    if isinstance(part, Skipped):
        return part
    if not isinstance(part, _Change):
        raise Unmappable("entry", "shape", "should be an object with changes: field and value")
    match part.kind, part.field:
        case "page", "feed":
            return _of_feed(part, pepper)
        case "page", "leadgen":
            return _of_lead(part)
        case "ad_account", "subscriptions":
            return _of_metric(part)
        case _:
            return Skipped("unmapped", f"{part.kind}.{part.field}")


def _of_feed(change: _Change, pepper: bytes) -> Outcome:
    value = change.value
    item, verb = id_in(value, "item") or "none", id_in(value, "verb") or "none"
    name = f"page.feed.{item}.{verb}"
    match item:
        case "comment":
            return _of_comment(change, verb, name, pepper)
        case "like":
            return _of_like(change, verb, name, pepper)
        case "reaction" if value.get("reaction_type") == "like":
            return _of_like(change, verb, name, pepper)
    return Skipped("unmapped", name)


def _of_comment(change: _Change, verb: str, name: str, pepper: bytes) -> Outcome:
    if (skipped := _skip_of(change, verb)) is not None:
        return Skipped(skipped, name)
    event_id = record_id("meta.webhook", "comment", needed_id(change.value, "comment_id"))
    if verb in _REMOVING:
        return _retraction(change, name, event_id)
    return CanonicalEvent(
        event_id=event_id,
        timestamp=moment_of(change.value.get("created_time"), "created_time"),
        source="facebook",
        platform_event=name,
        event_type="comment",
        user_key=_user_of(change, pepper),
    )


def _of_like(change: _Change, verb: str, name: str, pepper: bytes) -> Outcome:
    """Read a like: of a post, which is one of the page only approximately, or of the page."""
    if (skipped := _skip_of(change, verb)) is not None:
        return Skipped(skipped, name)
    value = change.value
    if change.owner is None:
        raise Unmappable("entry.id", "missing_id", "should be the page's id")
    post, comment = id_in(value, "post_id"), id_in(value, "comment_id")
    user = _user_of(change, pepper)
    # Of a known user a post has one like, and a removal says no more of it. Others differ by time.
    subject = ("meta.webhook", "like", change.owner, post or "", comment or "", user or "")
    if verb in _REMOVING:
        return _retraction(change, name, record_id(*subject))
    timestamp = moment_of(value.get("created_time"), "created_time")
    return CanonicalEvent(
        event_id=record_id(*subject, *(() if user else [timestamp.isoformat()])),
        timestamp=timestamp,
        source="facebook",
        platform_event=name,
        event_type="page.like",
        mapping="approximate" if post else "exact",
        user_key=user,
    )


def _skip_of(change: _Change, verb: str) -> SkipReason | None:
    """Say why a change of a comment or like is neither an event nor a retraction."""
    if verb in _REMOVING:
        return None
    if verb != "add":
        return "edited" if verb in _EDITING else "visibility"
    own = change.owner is not None and change.owner == change.sender
    return "own_page_activity" if own else None


def _retraction(change: _Change, name: str, retracted_id: str) -> Retraction:
    at = change.value.get("created_time") or change.sent_at
    timestamp = moment_of(at, "created_time")
    return Retraction(
        event_id=record_id("retraction", retracted_id, timestamp.isoformat()),
        timestamp=timestamp,
        source="facebook",
        platform_event=name,
        retracted_id=retracted_id,
    )


def _of_lead(change: _Change) -> CanonicalEvent:
    ad = id_in(change.value, "ad_id")
    return CanonicalEvent(
        event_id=record_id("meta.webhook", "lead", needed_id(change.value, "leadgen_id")),
        timestamp=moment_of(change.value.get("created_time"), "created_time"),
        source="facebook",
        platform_event="page.leadgen",
        event_type="form.submission",
        ad_id=None if ad == _NONE else ad,
    )


def _of_metric(change: _Change) -> MetricSnapshot:
    """Read a figure that passed a threshold. It is one figure, and never so many events."""
    value = change.value
    at = moment_of(change.sent_at, "entry.time")
    metric, object_id = needed_id(value, "field"), needed_id(value, "object_id")
    figure = value.get("current_value")
    if isinstance(figure, Decimal) and figure.is_finite():
        figure = str(figure)
    text = to_id(figure)
    if text is None:
        raise Unmappable("current_value", "metric", "should be a number")
    subscription = id_in(value, "subscription_id") or ""
    return MetricSnapshot(
        event_id=record_id(
            "meta.webhook", "metric", subscription, object_id, metric, text, at.isoformat()
        ),
        timestamp=at,
        source="facebook",
        platform_event="ad_account.subscriptions",
        object_type=id_in(value, "object_type") or "unknown",
        object_id=object_id,
        metric=metric,
        value=text,
    )


def _user_of(change: _Change, pepper: bytes) -> str | None:
    user = change.sender
    return None if user is None else user_key(pepper, "facebook", user)
