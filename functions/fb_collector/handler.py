"""Keep Facebook events: parts of requests in, rows out, each event once."""

from collections.abc import Sequence
from decimal import Decimal

from functions.collecting import Collected, collect
from functions.events import (
    REVENUE_TYPES,
    EventRow,
    FacebookBottomEngagement,
    FacebookEvent,
    event_key,
)
from functions.ports import EventStore, Part


async def handle(parts: Sequence[Part], *, store: EventStore) -> Collected:
    """Store a batch of Facebook events.

    Safe to repeat: the store skips what it has, so a transport that delivers
    at least once may deliver a batch twice.

    Args:
        parts: Raw events in delivery order; may repeat an event; may be empty.
        store: Where rows are kept.

    Returns:
        How many events were new, how many were not, and how many are dead letters.

    Raises:
        Unavailable: Part of the batch may be stored; the same batch may be sent again.
    """
    return await collect("facebook", parts, to_row, store)


def to_row(event: FacebookEvent, part: Part, raw: bytes) -> EventRow:
    """Make the row of an event."""
    user, bottom = event["data"]["user"], _bottom(event)
    return EventRow(
        id=event_key("facebook", event["eventId"]),
        occurred_at=event["timestamp"],
        accepted_at=part.accepted_at,
        source="facebook",
        funnel_stage=event["funnelStage"],
        event_type=event["eventType"],
        event_id=event["eventId"],
        correlation_id=part.correlation_id,
        user_id=user["userId"],
        revenue=_revenue(event),
        campaign_id=bottom["campaignId"] if bottom else None,
        age=user["age"],
        gender=user["gender"],
        country=user["location"]["country"],
        city=user["location"]["city"],
        followers=None,
        device=bottom["device"] if bottom else None,
        watch_seconds=None,
        percentage_watched=None,
        payload=raw.decode(),
    )


def _bottom(event: FacebookEvent) -> FacebookBottomEngagement | None:
    if event["funnelStage"] == "top":
        return None
    return event["data"]["engagement"]


def _revenue(event: FacebookEvent) -> Decimal | None:
    bottom = _bottom(event)
    if bottom is None or event["eventType"] != REVENUE_TYPES["facebook"]:
        return None
    return bottom["purchaseAmount"]
