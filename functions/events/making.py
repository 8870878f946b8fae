"""Make rows: the columns of every event, and by name those that its source has."""

from decimal import Decimal

from functions.events import REVENUE_TYPES
from functions.events.rows import EventRow, event_key, user_key
from functions.events.shapes import EventShape
from functions.messages import AcceptedBatch


def make_row(
    event: EventShape,
    part: AcceptedBatch,
    raw: bytes,
    user_id: str,
    *,
    purchase_amount: str | None = None,
    campaign_id: str | None = None,
    watch_country: str | None = None,
    watch_device: str | None = None,
    watch_seconds: float | None = None,
    percentage_watched: float | None = None,
    age: int | None = None,
    gender: str | None = None,
    followers: int | None = None,
    country: str | None = None,
    city: str | None = None,
) -> EventRow:
    """Make the row of an event; a column of ``EventRow`` that it lacks is None.

    The user's id is the platform's own. The amount becomes revenue in an event
    of the source's revenue type, and in no other.
    """
    source, event_id, event_type = event.source, event.event_id, event.event_type
    published_at, stream_sequence, deliveries, _ = part.delivery
    revenue = None
    if purchase_amount is not None and event_type == REVENUE_TYPES[source]:
        revenue = Decimal(purchase_amount)
    return EventRow(
        event_key(source, event_id),
        user_key(source, user_id),
        event.timestamp,
        source,
        event.funnel_stage,
        event_type,
        "native",
        None,
        revenue,
        campaign_id,
        watch_country,
        watch_device,
        watch_seconds,
        percentage_watched,
        None,
        None,
        None,
        part.accepted_at,
        part.correlation_id,
        part.trace_parent,
        published_at,
        stream_sequence,
        deliveries,
        event_id,
        raw.decode(),
        age,
        gender,
        followers,
        country,
        city,
    )
