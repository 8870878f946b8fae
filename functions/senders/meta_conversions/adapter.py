"""Read calls of Meta's Conversions API: a request in, canonical events out."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from functions.errors import Fault
from functions.events import REVENUE_TYPES
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
from functions.senders.forms import read_fields
from functions.senders.identity import digest_without, first_user_key, record_id, sender_id
from functions.senders.meta_conversions.types import TYPES
from functions.senders.reading import (
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
from functions.senders.tokens import bearer_of, check_token

MAX_EVENTS: Final = 1000
"""Of one call (Conversions API, Using the API, Batch Requests)."""

_OLDEST: Final = timedelta(days=7)
_OLDEST_IN_STORES: Final = timedelta(days=62)
"""How old an event may be (Conversions API, Server Event Parameters, event_time)."""

_KEPT: Final = ("event_name", "event_time", "action_source")
_USER_FIELDS: Final = ("external_id", "em", "ph")
"""Fields that identify a user across events, the most durable first; not cookies or addresses."""

_REVENUE_TYPE: Final = REVENUE_TYPES["facebook"]


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a call; see ``Adapter``.

    The token may be in the header, in the query, or a field of the body, which is then
    decoded for it.
    """
    early = [bearer_of(call.headers), *(value for name, value in call.query if name == _TOKEN)]
    if any(early):
        check_token(early, trust)
        fields = _fields_of(call)
    else:
        try:
            fields = _fields_of(call)
        except Malformed:
            check_token([], trust)
            raise
        check_token([fields.get(_TOKEN)], trust)
    events = _events_in(fields)
    return Adapted(_outcomes(events, str(call.path["dataset"]), call, trust))


_TOKEN: Final = "access_token"  # noqa: S105 - its name


def _fields_of(call: Call) -> Mapping[str, Any]:
    try:
        return read_fields(call.headers.get("content-type", ""), call.body)
    except Unreadable as error:
        message = "The body should be a JSON object, or a form with the field data"
        raise Malformed(Fault("", "unreadable", message)) from error


def _events_in(fields: Mapping[str, Any]) -> list[Any]:
    """Return the events, which may be text themselves: in forms, ``data`` always is."""
    data = fields.get("data")
    if isinstance(data, str):
        try:
            data = decode(data)
        except Unreadable as error:
            message = "data should be a JSON array"
            raise Malformed(Fault("data", "unreadable", message)) from error
    if not isinstance(data, list) or not data:
        raise Malformed(Fault("data", "missing", "data should be an array of events"))
    if len(data) > MAX_EVENTS:
        message = f"data may have at most {MAX_EVENTS} events"
        raise Malformed(Fault("data", "too_many", message))
    return data


def _outcomes(events: list[Any], dataset: str, call: Call, trust: Trust) -> Iterator[Outcome]:
    for index, event in enumerate(events):
        if isinstance(event, str):  # as the official SDKs send them
            try:
                event = decode(event)  # noqa: PLW2901
            except Unreadable:
                event = event.encode()  # noqa: PLW2901
        try:
            yield _to_record(event, dataset, call, trust)
        except Unmappable as error:
            kept = redact(event, _KEPT, trust.pepper)
            yield Refused(index, error.fault, kept, "facebook")


def _to_record(event: Any, dataset: str, call: Call, trust: Trust) -> CanonicalEvent:
    if not isinstance(event, dict):
        raise Unmappable("", "object_type", "should be an object")
    name = needed_id(event, "event_name")
    timestamp = moment_of(event.get("event_time"), "event_time")
    in_store = event.get("action_source") == "physical_store"
    check_recent(timestamp, call.now, "event_time", _OLDEST_IN_STORES if in_store else _OLDEST)
    event_type = TYPES.get(name, CUSTOM)
    custom, user = object_in(event, "custom_data"), object_in(event, "user_data")
    attribution = object_in(event, "attribution_data")
    # Only a sale's value is revenue: a lead's is an estimate.
    amount, currency = (
        money_in(custom, "custom_data") if event_type == _REVENUE_TYPE else (None, None)
    )
    return CanonicalEvent(
        event_id=_id_of(event, dataset, name),
        timestamp=timestamp,
        source="facebook",
        platform_event=name,
        event_type=event_type,
        user_key=None
        if _has_opted_out(event)
        else first_user_key(trust.pepper, "facebook", user, _USER_FIELDS),
        amount=amount,
        currency=currency,
        order_id=id_in(custom, "order_id"),
        event_name=name if event_type is CUSTOM else None,
        campaign_id=id_in(attribution, "campaign_id"),
        ad_id=id_in(attribution, "ad_id"),
        has_click_id=bool(first_of(user.get("fbc"))),
    )


def _id_of(event: Mapping[str, Any], dataset: str, name: str) -> str:
    own = sender_id(event, "event_id")
    if own is None:
        return record_id("meta.conversions", dataset, digest_without(event, "user_data"))
    return record_id("meta.conversions", dataset, name, own)


def _has_opted_out(event: Mapping[str, Any]) -> bool:
    options = event.get("data_processing_options")
    return is_set(event.get("opt_out")) or (
        "LDU" in options if isinstance(options, list | str) else False
    )
