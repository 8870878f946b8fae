"""Read calls of TikTok's Events API: a request in, canonical events out."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, Final, NamedTuple

from functions.errors import Fault
from functions.events import REVENUE_TYPES
from functions.events.timestamps import UtcMoment
from functions.senders import CUSTOM
from functions.senders.adapting import (
    Adapted,
    Call,
    Malformed,
    Outcome,
    Refused,
    Trust,
    Unmappable,
)
from functions.senders.canonical import CanonicalEvent
from functions.senders.identity import digest_without, first_user_key, record_id, sender_id
from functions.senders.reading import (
    MAX_TEXT,
    Unreadable,
    check_recent,
    decode,
    first_of,
    id_in,
    is_set,
    moment_of,
    money_in,
    needed_id,
    object_in,
)
from functions.senders.redacting import redact
from functions.senders.tiktok_events.types import TYPES
from functions.senders.tokens import bearer_of, check_token

MAX_EVENTS: Final = 1000
"""Of one call (Events API 2.0, Report events)."""

_KEPT: Final = ("event", "event_time", "timestamp")
_USER_FIELDS: Final = ("external_id", "email", "phone", "phone_number")
"""Fields that identify a user across events, the most durable first; not cookies or addresses."""

_REVENUE_TYPE: Final = REVENUE_TYPES["tiktok"]


class _Part(NamedTuple):
    """One event, and where the versions of the API keep what belongs to it.

    Attributes:
        event: As it was sent.
        shared: What may be set once for all events of the call.
        context: Where the user and the ad are: the event itself, or its ``context`` in 1.0.
        personal: The name of the field that holds the user's data.
        timestamp: When it happened; None if 1.0 leaves it to the time of arrival.
    """

    event: Mapping[str, Any]
    shared: Mapping[str, Any]
    context: Mapping[str, Any]
    personal: str
    timestamp: UtcMoment | None


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a call of ``event/track/`` (2.0), ``pixel/track/`` or ``pixel/batch/`` (1.0).

    See ``Adapter``. The token is in the header ``Access-Token``, or a bearer's.
    """
    check_token([call.headers.get("access-token", ""), bearer_of(call.headers)], trust)
    fields = _fields_of(call)
    return Adapted(_outcomes(fields, _events_in(fields), call, trust))


def _fields_of(call: Call) -> Mapping[str, Any]:
    try:
        fields = decode(call.body)
    except Unreadable:
        fields = None
    if not isinstance(fields, dict):
        raise Malformed(Fault("", "unreadable", "The body should be a JSON object"))
    return fields


def _events_in(fields: Mapping[str, Any]) -> list[Any]:
    name = next((name for name in ("data", "batch") if name in fields), None)
    if name is None and "event" in fields:
        return [fields]
    events = fields.get(name or "data")
    if not isinstance(events, list) or not events:
        message = f"{name or 'data'} should be an array of events"
        raise Malformed(Fault(name or "data", "missing", message))
    if len(events) > MAX_EVENTS:
        message = f"{name} may have at most {MAX_EVENTS} events"
        raise Malformed(Fault(str(name), "too_many", message))
    return events


def _outcomes(
    fields: Mapping[str, Any], events: list[Any], call: Call, trust: Trust
) -> Iterator[Outcome]:
    for index, event in enumerate(events):
        try:
            yield _to_record(_part_of(event, fields), call, trust)
        except Unmappable as error:
            yield Refused(index, error.fault, redact(event, _KEPT, trust.pepper), "tiktok")


def _part_of(event: Any, shared: Mapping[str, Any]) -> _Part:
    if not isinstance(event, dict):
        raise Unmappable("", "object_type", "should be an object")
    if "data" in shared:
        moment = moment_of(event.get("event_time"), "event_time")
        return _Part(event, shared, event, "user", moment)
    return _Part(
        event, shared, object_in(event, "context"), "context", _iso_moment(event.get("timestamp"))
    )


def _iso_moment(value: Any) -> UtcMoment | None:
    """Read the time of 1.0, ISO 8601; None if there is none."""
    if value is None or value == "":
        return None
    try:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise ValueError  # noqa: TRY301
        moment = UtcMoment.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Unmappable("timestamp", "date_time", "should be an ISO 8601 time") from error


def _to_record(part: _Part, call: Call, trust: Trust) -> CanonicalEvent:
    event = part.event
    name = needed_id(event, "event")
    event_type = TYPES.get(name, CUSTOM)
    own = sender_id(event, "event_id")
    timestamp = part.timestamp
    if timestamp is None:
        if own is None:
            raise Unmappable("timestamp", "missing", "is needed, or an event_id")
        timestamp = UtcMoment.fromtimestamp(call.now.timestamp(), UTC)
    check_recent(timestamp, call.now, "event_time", None)
    user, properties = object_in(part.context, "user"), object_in(event, "properties")
    amount, currency = (
        money_in(properties, "properties") if event_type == _REVENUE_TYPE else (None, None)
    )
    opted_out = is_set(event.get("limited_data_use")) or is_set(part.shared.get("limited_data_use"))
    return CanonicalEvent(
        event_id=_id_of(part, name, event_type, own),
        timestamp=timestamp,
        source="tiktok",
        platform_event=name,
        event_type=event_type,
        user_key=None if opted_out else first_user_key(trust.pepper, "tiktok", user, _USER_FIELDS),
        amount=amount,
        currency=currency,
        order_id=id_in(properties, "order_id"),
        event_name=name if event_type is CUSTOM else None,
        has_click_id=_has_click_id(part.context, user),
    )


def _id_of(part: _Part, name: str, event_type: str, own: str | None) -> str:
    """Identify an event by its type, not its name: a purchase may be sent under both its names."""
    origin = id_in(part.shared, "event_source_id") or id_in(part.shared, "pixel_code") or ""
    kind = name if event_type is CUSTOM else ""
    if own is None:
        own = digest_without(part.event, part.personal)
    return record_id("tiktok.events", origin, event_type, kind, own)


def _has_click_id(context: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """Return whether TikTok's click id is there, which is called ``callback`` in 1.0."""
    return bool(first_of(user.get("ttclid")) or first_of(object_in(context, "ad").get("callback")))
