"""Store TikTok events: accepted batches in, rows out, each event once."""

from collections.abc import Sequence
from decimal import Decimal

from functions.collecting import Collected, EngagementColumns, collect, make_row
from functions.events import REVENUE_TYPES
from functions.events.rows import EventRow
from functions.events.shapes import TIKTOK_SHAPES, TiktokBottom, TiktokEvent
from functions.messages import AcceptedBatch
from functions.ports import EventStore


async def handle(parts: Sequence[AcceptedBatch], *, store: EventStore) -> Collected:
    """Store a batch of TikTok events.

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
    return await collect("tiktok", TIKTOK_SHAPES, parts, to_row, store)


def to_row(event: TiktokEvent, part: AcceptedBatch, raw: bytes) -> EventRow:
    """Make the row of an event."""
    followers = event.data.user.followers
    return make_row(event, part, raw, _engagement(event), (None, None, followers, None, None))


def _engagement(event: TiktokEvent) -> EngagementColumns:
    if isinstance(event, TiktokBottom):
        return _revenue(event), None, None, None, None, None
    top = event.data.engagement
    return None, None, top.country, top.device, top.watch_time, top.percentage_watched


def _revenue(event: TiktokBottom) -> Decimal | None:
    amount = event.data.engagement.purchase_amount
    if amount is None or event.event_type != REVENUE_TYPES["tiktok"]:
        return None
    return Decimal(amount)
