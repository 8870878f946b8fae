"""Keep TikTok events: parts of requests in, rows out, each event once."""

from collections.abc import Sequence
from decimal import Decimal

from functions.collecting import Collected, collect
from functions.events import (
    REVENUE_TYPES,
    EventRow,
    TiktokEvent,
    TiktokTopEngagement,
    event_key,
)
from functions.ports import EventStore, Part


async def handle(parts: Sequence[Part], *, store: EventStore) -> Collected:
    """Store a batch of TikTok events.

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
    return await collect("tiktok", parts, to_row, store)


def to_row(event: TiktokEvent, part: Part, raw: bytes) -> EventRow:
    """Make the row of an event."""
    user, top = event["data"]["user"], _top(event)
    return EventRow(
        id=event_key("tiktok", event["eventId"]),
        occurred_at=event["timestamp"],
        accepted_at=part.accepted_at,
        source="tiktok",
        funnel_stage=event["funnelStage"],
        event_type=event["eventType"],
        event_id=event["eventId"],
        correlation_id=part.correlation_id,
        user_id=user["userId"],
        revenue=_revenue(event),
        campaign_id=None,
        age=None,
        gender=None,
        country=top["country"] if top else None,
        city=None,
        followers=user["followers"],
        device=top["device"] if top else None,
        watch_seconds=top["watchTime"] if top else None,
        percentage_watched=top["percentageWatched"] if top else None,
        payload=raw.decode(),
    )


def _top(event: TiktokEvent) -> TiktokTopEngagement | None:
    if event["funnelStage"] == "bottom":
        return None
    return event["data"]["engagement"]


def _revenue(event: TiktokEvent) -> Decimal | None:
    if event["funnelStage"] == "top" or event["eventType"] != REVENUE_TYPES["tiktok"]:
        return None
    return event["data"]["engagement"]["purchaseAmount"]
