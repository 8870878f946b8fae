"""The rows of TikTok events."""

from functions.events.making import make_row
from functions.events.rows import EventRow
from functions.events.tiktok.shapes import TiktokBottom, TiktokEvent
from functions.messages import AcceptedBatch


def to_row(event: TiktokEvent, part: AcceptedBatch, raw: bytes) -> EventRow:
    """Make the row of an event."""
    user = event.data.user
    if isinstance(event, TiktokBottom):
        amount = event.data.engagement.purchase_amount
        return make_row(
            event, part, raw, user.user_id, followers=user.followers, purchase_amount=amount
        )
    watched = event.data.engagement
    return make_row(
        event,
        part,
        raw,
        user.user_id,
        followers=user.followers,
        watch_country=watched.country,
        watch_device=watched.device,
        watch_seconds=watched.watch_time,
        percentage_watched=watched.percentage_watched,
    )
