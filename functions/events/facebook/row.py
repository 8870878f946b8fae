"""The rows of Facebook events."""

from functions.events.facebook.shapes import FacebookBottom, FacebookEvent
from functions.events.making import make_row
from functions.events.rows import EventRow
from functions.messages import AcceptedBatch


def to_row(event: FacebookEvent, part: AcceptedBatch, raw: bytes) -> EventRow:
    """Make the row of an event."""
    user = event.data.user
    campaign_id = purchase_amount = None
    if isinstance(event, FacebookBottom):
        campaign_id = event.data.engagement.campaign_id
        purchase_amount = event.data.engagement.purchase_amount
    return make_row(
        event,
        part,
        raw,
        user.user_id,
        campaign_id=campaign_id,
        purchase_amount=purchase_amount,
        age=user.age,
        gender=user.gender,
        country=user.location.country,
        city=user.location.city,
    )
