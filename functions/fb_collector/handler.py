"""Store Facebook events: accepted batches in, rows out, each event once."""

from collections.abc import Sequence
from decimal import Decimal

from functions.collecting import Collected, EngagementColumns, collect, make_row
from functions.events import REVENUE_TYPES
from functions.events.rows import EventRow
from functions.events.shapes import FACEBOOK_SHAPES, FacebookBottom, FacebookEvent
from functions.messages import AcceptedBatch
from functions.ports import EventStore


async def handle(parts: Sequence[AcceptedBatch], *, store: EventStore) -> Collected:
    """Store a batch of Facebook events.

    Safe to repeat: the store skips what it has, so a transport that delivers
    at least once may deliver a batch twice.

    Args:
        parts: Raw events in delivery order; may repeat an event; may be empty.
        store: Where rows are stored.

    Returns:
        How many events were new, how many were not, and how many are dead letters.

    Raises:
        Unavailable: Part of the batch may be stored; the same batch may be sent again.
    """
    return await collect("facebook", FACEBOOK_SHAPES, parts, to_row, store)


def to_row(event: FacebookEvent, part: AcceptedBatch, raw: bytes) -> EventRow:
    """Make the row of an event."""
    user = event.data.user
    location = user.location
    return make_row(
        event,
        part,
        raw,
        _engagement(event),
        (user.age, user.gender, None, location.country, location.city),
    )


def _engagement(event: FacebookEvent) -> EngagementColumns:
    if isinstance(event, FacebookBottom):
        return _revenue(event), event.data.engagement.campaign_id, None, None, None, None
    return None, None, None, None, None, None


def _revenue(event: FacebookBottom) -> Decimal | None:
    amount = event.data.engagement.purchase_amount
    if amount is None or event.event_type != REVENUE_TYPES["facebook"]:
        return None
    return Decimal(amount)
