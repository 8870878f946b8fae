"""Rollups of new events, by second, minute, hour and day, and by campaign."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Final, NamedTuple

from functions.events import UNSPECIFIED
from functions.events.keys import deriving
from functions.events.rows import EventRow
from runtime.postgres.granularity import EPOCH, MINUTE, SECOND, START_OF, Granularity


class EventRollup(NamedTuple):
    """An addition to a rollup; the columns of ``event_rollups``, in its statement's order.

    Attributes:
        granularity: Its bucket's length.
        bucket: The bucket's first instant.
        transactions: Events with revenue.
    """

    granularity: Granularity
    bucket: datetime
    source: str
    funnel_stage: str
    event_type: str
    channel: str
    currency: str
    events: int
    transactions: int
    revenue: Decimal


class SecondRollup(NamedTuple):
    """An addition to a second; the columns of ``second_rollups``, in its statement's order."""

    bucket: datetime
    source: str
    funnel_stage: str
    event_type: str
    channel: str
    currency: str
    events: int
    transactions: int
    revenue: Decimal


class CampaignRollup(NamedTuple):
    """An addition to a campaign; the columns of ``campaigns``, in its statement's order."""

    key: bytes
    campaign_id: str
    currency: str
    first_at: datetime
    last_at: datetime
    transactions: int
    revenue: Decimal


class _Sums(NamedTuple):
    events: int
    transactions: int
    revenue: Decimal


_Kind = tuple[str, str, str, str, str | None]
"""Source, stage, type, channel and currency."""

_ByKind = Mapping[tuple[datetime, _Kind], _Sums]

_campaign_key = deriving(b"campaign\0")

_NONE: Final = _Sums(0, 0, Decimal(0))
_KIND = itemgetter(
    *map(EventRow._fields.index, ("source", "funnel_stage", "event_type", "channel", "currency"))
)


def event_rollups(
    rows: Sequence[EventRow], seconds_from: datetime | None
) -> tuple[list[EventRollup], list[SecondRollup]]:
    """Count and sum events by kind, by minute, hour and day, and recent ones by second.

    Args:
        rows: The events.
        seconds_from: From when on seconds are counted, a whole minute; None for never.

    Returns:
        One addition for each rollup, and one for each rollup of a second.
    """
    recent, older = [], rows
    if seconds_from is not None:
        recent = [row for row in rows if row.occurred_at >= seconds_from]
        older = [row for row in rows if row.occurred_at < seconds_from] if recent else rows
    seconds = _by(SECOND, recent)
    # The two have no minute in common.
    minutes = {**_folded(seconds, "minute"), **_by(MINUTE, older)}
    hours = _folded(minutes, "hour")
    days = _folded(hours, "day")
    longer = [*_listed("minute", minutes), *_listed("hour", hours), *_listed("day", days)]
    return longer, [SecondRollup(at, *_named(kind), *sums) for (at, kind), sums in seconds.items()]


def campaign_rollups(rows: Sequence[EventRow]) -> list[CampaignRollup]:
    """Sum revenue by campaign and currency; one addition for each."""
    figures: dict[tuple[str, str | None], CampaignRollup] = {}
    for row in rows:
        if row.revenue is None or row.campaign_id is None:
            continue
        place = (row.campaign_id, row.currency)
        known = figures.get(place)
        figures[place] = CampaignRollup(
            key=known.key if known else _key_of(*place),
            campaign_id=row.campaign_id,
            currency=row.currency or UNSPECIFIED,
            first_at=min(known.first_at, row.occurred_at) if known else row.occurred_at,
            last_at=max(known.last_at, row.occurred_at) if known else row.occurred_at,
            transactions=known.transactions + 1 if known else 1,
            revenue=known.revenue + row.revenue if known else row.revenue,
        )
    return list(figures.values())


def _key_of(campaign_id: str, currency: str | None) -> bytes:
    # No id has a NUL character.
    return _campaign_key((f"{campaign_id}\0{currency}" if currency else campaign_id).encode())


def _named(kind: _Kind) -> tuple[str, str, str, str, str]:
    source, stage, event_type, channel, currency = kind
    return source, stage, event_type, channel, currency or UNSPECIFIED


def _by(length: timedelta, rows: Sequence[EventRow]) -> _ByKind:
    # Buckets as integers are made and compared several times as fast as datetimes.
    buckets = [(row.occurred_at - EPOCH) // length for row in rows]
    events = Counter(zip(buckets, map(_KIND, rows), strict=True))
    figures = {place: _Sums(count, 0, Decimal(0)) for place, count in events.items()}
    for bucket, row in zip(buckets, rows, strict=True):
        if row.revenue is not None:
            place = (bucket, _KIND(row))
            figures[place] = _sum(figures[place], _Sums(0, 1, row.revenue))
    return {(EPOCH + bucket * length, kind): sums for (bucket, kind), sums in figures.items()}


def _folded(figures: _ByKind, granularity: Granularity) -> _ByKind:
    folded: dict[tuple[datetime, _Kind], _Sums] = {}
    for (bucket, kind), sums in figures.items():
        place = (START_OF[granularity](bucket), kind)
        folded[place] = _sum(folded.get(place, _NONE), sums)
    return folded


def _sum(one: _Sums, other: _Sums) -> _Sums:
    return _Sums(
        one.events + other.events,
        one.transactions + other.transactions,
        one.revenue + other.revenue,
    )


def _listed(granularity: Granularity, figures: _ByKind) -> Iterator[EventRollup]:
    for (bucket, kind), sums in figures.items():
        yield EventRollup(granularity, bucket, *_named(kind), *sums)
