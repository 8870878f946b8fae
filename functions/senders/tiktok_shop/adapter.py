"""Read deliveries of TikTok Shop's webhooks: a request in, records out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from functions.errors import Fault
from functions.senders.adapting import (
    Adapted,
    Call,
    Outcome,
    Refused,
    Skipped,
    Trust,
    Unmappable,
)
from functions.senders.canonical import CanonicalEvent, Retraction
from functions.senders.identity import record_id
from functions.senders.proofs import check_hex
from functions.senders.reading import Unreadable, decode, moment_of, needed_id, object_in
from functions.senders.redacting import redact

_ORDER_STATUS: Final = "1"
_KEPT: Final = ("type", "timestamp", "order_status")
_PAID: Final = "AWAITING_SHIPMENT"
_CANCELLED: Final = frozenset({"CANCEL", "CANCELLED"})


def adapt(call: Call, trust: Trust) -> Adapted:
    """Read a delivery; see ``Adapter``. One that is authentic and broken is a dead letter."""
    given = call.headers.get("authorization", "")
    key = str(trust.options["tiktok_shop_app_key"]).encode()
    secret = check_hex(trust.secrets, given, key, call.body)
    return Adapted(_outcomes(call.body, trust.pepper), secret)


def _outcomes(body: bytes, pepper: bytes) -> Iterator[Outcome]:
    delivery: Any = body
    try:
        delivery = decode(body)
        yield _to_outcome(delivery)
    except Unreadable:
        fault = Fault("", "unreadable", "The delivery is not JSON")
        yield Refused(0, fault, redact(delivery, _KEPT, pepper), "tiktok")
    except Unmappable as error:
        if isinstance(delivery, dict):
            delivery |= object_in(delivery, "data")
        yield Refused(0, error.fault, redact(delivery, _KEPT, pepper), "tiktok")


def _to_outcome(delivery: Any) -> Outcome:
    if not isinstance(delivery, dict):
        raise Unmappable("", "object_type", "should be an object")
    kind = needed_id(delivery, "type")
    if kind != _ORDER_STATUS:
        return Skipped("unmapped", f"shop.type{kind}")
    return _of_order(delivery, object_in(delivery, "data"))


def _of_order(delivery: Mapping[str, Any], data: Mapping[str, Any]) -> Outcome:
    status = needed_id(data, "order_status", "data.")
    name = f"shop.type1.{status}"
    if status != _PAID and status not in _CANCELLED:
        return Skipped("no_payment", name)
    order = needed_id(data, "order_id", "data.")
    event_id = record_id("tiktok.shop", needed_id(delivery, "shop_id"), order)
    timestamp = moment_of(data.get("update_time"), "data.update_time")
    if status in _CANCELLED:
        return Retraction(
            event_id=record_id("retraction", event_id, timestamp.isoformat()),
            timestamp=timestamp,
            source="tiktok",
            platform_event=name,
            retracted_id=event_id,
        )
    return CanonicalEvent(
        event_id=event_id,
        timestamp=timestamp,
        source="tiktok",
        platform_event=name,
        event_type="purchase",
        order_id=order,
    )
