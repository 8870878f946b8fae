"""Builders of events, rows, batches and letters; a test names only the fields that it is about."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from functions.errors import Fault
from functions.events import Source
from functions.events.rows import EventRow, event_key, user_key
from functions.messages import AcceptedBatch, DeadLetter, Envelope, EnvelopeOutcome
from functions.senders import Channel

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
MOMENT = "2024-01-01T12:00:00.000Z"

_FACEBOOK_TOP = {"actionTime": MOMENT, "referrer": "newsfeed", "videoId": None}
_FACEBOOK_BOTTOM = {
    "adId": "ad-12345678",
    "campaignId": "camp-12345",
    "clickPosition": "center",
    "device": "mobile",
    "browser": "Chrome",
    "purchaseAmount": None,
}
_TIKTOK_TOP = {
    "watchTime": 10,
    "percentageWatched": 50,
    "device": "iOS",
    "country": "Japan",
    "videoId": "video-1",
}
_TIKTOK_BOTTOM = {
    "actionTime": MOMENT,
    "profileId": None,
    "purchasedItem": None,
    "purchaseAmount": None,
}
_BOTTOM_TYPES = {
    "ad.click",
    "form.submission",
    "checkout.complete",
    "profile.visit",
    "purchase",
    "follow",
}


def a_facebook_event(**fields: Any) -> dict[str, Any]:
    """A valid Facebook event, at the top unless its type is one of the bottom.

    Args:
        fields: Of the event; ``user`` and ``engagement`` are merged into its
            data, and so is ``location`` into its user.
    """
    user = {
        "userId": "user-1",
        "name": "Anna",
        "age": 30,
        "gender": "female",
        "location": {"country": "Ukraine", "city": "Kyiv"} | fields.pop("location", {}),
    }
    stage = _stage(fields)
    event_type = "ad.view" if stage == "top" else "ad.click"
    engagement = _FACEBOOK_TOP if stage == "top" else _FACEBOOK_BOTTOM
    head = _head("facebook", f"fb-{uuid4()}", stage, event_type)
    return head | _data(user, engagement, fields) | fields


def a_tiktok_event(**fields: Any) -> dict[str, Any]:
    """A valid TikTok event, at the top unless its type is one of the bottom.

    Args:
        fields: Of the event; ``user`` and ``engagement`` are merged into its data.
    """
    user = {"userId": "user-1", "username": "anna", "followers": 500}
    stage = _stage(fields)
    event_type = "like" if stage == "top" else "follow"
    engagement = _TIKTOK_TOP if stage == "top" else _TIKTOK_BOTTOM
    head = _head("tiktok", f"ttk-{uuid4()}", stage, event_type)
    return head | _data(user, engagement, fields) | fields


def raw(event: object) -> bytes:
    """Write a value as the platforms do: JSON without spaces."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def raw_with(event: object, json_text: str) -> bytes:
    """Write an event in which the string ``@`` stands for a piece of JSON text."""
    return raw(event).replace(b'"@"', json_text.encode())


def a_part(
    *events: bytes,
    correlation_id: str = "test",
    accepted_at: datetime = NOON,
    trace_parent: str | None = None,
) -> AcceptedBatch:
    """An accepted batch of these events, or of one Facebook event."""
    events = events or (raw(a_facebook_event()),)
    return AcceptedBatch(correlation_id, accepted_at, events, trace_parent=trace_parent)


def a_record(kind: str = "event", **fields: Any) -> dict[str, Any]:
    """A canonical record as transported: a Facebook page view at noon, or of another kind."""
    head = {
        "kind": kind,
        "eventId": str(uuid4()),
        "timestamp": MOMENT,
        "source": "facebook",
        "platformEvent": "PageView",
    }
    own: dict[str, dict[str, Any]] = {
        "event": {"eventType": "page.view"},
        "retraction": {"retractedId": "event-1"},
        "metric": {"objectType": "ad", "objectId": "7", "metric": "views", "value": "12"},
        "erasure": {"userKey": "ab" * 16, "confirmationCode": "code-1"},
    }
    return head | own[kind] | fields


def a_purchase(amount: str = "10.50", currency: str = "EUR", **fields: Any) -> dict[str, Any]:
    """A canonical record of a sale: Facebook's, or TikTok's."""
    sale = "purchase" if fields.get("source") == "tiktok" else "checkout.complete"
    return a_record(
        eventType=sale, platformEvent="Purchase", amount=amount, currency=currency, **fields
    )


def records(
    *records: dict[str, Any], channel: Channel = "meta.conversions", **fields: Any
) -> AcceptedBatch:
    """A batch of canonical records of a channel."""
    return replace(a_part(*map(raw, records), **fields), channel=channel)


def an_envelope(events: int, **fields: Any) -> Envelope:
    """An envelope of Facebook events accepted at noon by its own gateway."""
    defaults: dict[str, Any] = {
        "id": uuid4().bytes,
        "source": "facebook",
        "instance": uuid4().bytes,
        "minute": NOON,
        "events": events,
    }
    return Envelope(**defaults | fields)


def a_letter(**fields: Any) -> DeadLetter:
    """A dead letter of the gateway."""
    defaults: dict[str, Any] = {
        "reason": "rejected",
        "fault": Fault("data.user.age", "int_type", "Input should be a valid integer"),
        "payload": uuid4().bytes,
        "position": 0,
        "source": "facebook",
        "event_id": "fb-1",
        "correlation_id": "test",
        "accepted_at": NOON,
    }
    return DeadLetter(**defaults | fields)


def letters_of(*letters: DeadLetter, envelope: Envelope | None = None) -> EnvelopeOutcome:
    """The outcome of a message of dead letters; counted in the ledger if it has an envelope."""
    return EnvelopeOutcome(envelope, (), letters)


def a_row(event_id: str | None = None, **fields: Any) -> EventRow:
    """The row of a Facebook ad view at noon, or of a TikTok like.

    Args:
        event_id: The platform's id; a new one if None.
        fields: Of the row; ``user_id`` stands for the key made of it.
    """
    event_id = event_id or str(uuid4())
    source: Source = fields.get("source", "facebook")
    user_id = fields.pop("user_id", "user-1")
    facebook = source == "facebook"
    row = EventRow(
        id=event_key(source, event_id),
        user_key=user_key(source, user_id),
        occurred_at=NOON,
        accepted_at=NOON,
        source=source,
        funnel_stage="top",
        event_type="ad.view" if facebook else "like",
        event_id=event_id,
        correlation_id="test",
        trace_parent=None,
        published_at=None,
        stream_sequence=None,
        deliveries=None,
        revenue=None,
        campaign_id=None,
        watch_country=None if facebook else "Japan",
        watch_device=None if facebook else "iOS",
        watch_seconds=None if facebook else 10.0,
        percentage_watched=None if facebook else 50.0,
        channel="native",
        currency=None,
        order_id=None,
        event_name=None,
        mapping=None,
        payload="{}",
        age=30 if facebook else None,
        gender="female" if facebook else None,
        followers=None if facebook else 500,
        country="Ukraine" if facebook else None,
        city="Kyiv" if facebook else None,
    )
    return row._replace(**fields)


def a_sale(amount: str, event_id: str | None = None, **fields: Any) -> EventRow:
    """The row of a Facebook checkout."""
    sale = {"event_type": "checkout.complete", "funnel_stage": "bottom", "campaign_id": "camp-1"}
    return a_row(event_id, **{**sale, "revenue": Decimal(amount), **fields})


def _stage(fields: dict[str, Any]) -> str:
    stage: str = fields.get(
        "funnelStage", "bottom" if str(fields.get("eventType")) in _BOTTOM_TYPES else "top"
    )
    return stage


def _head(source: str, event_id: str, stage: str, event_type: str) -> dict[str, Any]:
    return {
        "eventId": event_id,
        "timestamp": MOMENT,
        "source": source,
        "funnelStage": stage,
        "eventType": event_type,
    }


def _data(
    user: dict[str, Any], engagement: dict[str, Any], fields: dict[str, Any]
) -> dict[str, Any]:
    """Take the fields of the data out of the fields, and merge them in."""
    return {
        "data": {
            "user": user | fields.pop("user", {}),
            "engagement": engagement | fields.pop("engagement", {}),
        }
    }
