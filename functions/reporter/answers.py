"""The reports: what is answered, to the letter of its JSON.

``to_json`` writes them; ``model_json_schema(mode="serialization")`` of each
describes what it writes.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import MISSING, Field

from functions.events import (
    FacebookBottomType,
    FacebookTopType,
    FunnelStage,
    Source,
    TiktokBottomType,
    TiktokTopType,
)
from functions.json_model import Answer
from functions.ports import Interval

Number = Annotated[int, Field(ge=0)]
Average = Annotated[float, Field(ge=0, description="Rounded half-even to one decimal.")]
Limit = Annotated[int, Field(ge=1, le=100)]
Money = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+\.[0-9]{2}([0-9]*[1-9])?$",
        description="Exact decimal with at least two decimals.",
    ),
]
AverageMoney = Annotated[
    str, Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="Rounded half-even to two decimals.")
]
SeriesGaps = Annotated[
    Literal[True] | MISSING,
    Field(description="There where the empty buckets of a very long series are left out."),
]
EventType = FacebookTopType | FacebookBottomType | TiktokTopType | TiktokBottomType
AgeRange = Literal["0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"]
FollowerRange = Literal["0-999", "1000-9999", "10000-99999", "100000-999999", "1000000+"]


class Filters(Answer):
    """The filters of every report, as they were understood; null is no filter."""

    start: datetime | None = Field(alias="from", description="The first instant, UTC.")
    end: datetime | None = Field(alias="to", description="The instant after the last, UTC.")
    source: Source | None
    timezone: str | MISSING = Field(
        default=MISSING, description="There where it was given; else days are those of UTC."
    )


class EventsFilters(Filters):
    """The filters of the events report."""

    funnel_stage: FunnelStage | None
    event_type: EventType | None
    interval: Interval | None


class EventCount(Answer):
    """Events of one kind."""

    source: Source
    funnel_stage: FunnelStage
    event_type: EventType
    count: Number


class EventBucket(Answer):
    """Events of one bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime
    count: Number


class EventsReport(Answer):
    """How many events there are."""

    filters: EventsFilters
    total_events: Number
    events: tuple[EventCount, ...] = Field(description="By count, then source, stage and type.")
    series: tuple[EventBucket, ...] | MISSING = Field(
        default=MISSING,
        description="Only with an interval; oldest first, empty ones too unless `seriesGaps`.",
    )
    series_gaps: SeriesGaps = MISSING


class RevenueFilters(Filters):
    """The filters of the revenue report."""

    campaign_id: str | None
    interval: Interval | None
    limit: Limit


class SourceRevenue(Answer):
    """Revenue of one source."""

    source: Source
    event_type: Literal["checkout.complete", "purchase"]
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney


class CampaignRevenue(Answer):
    """Revenue of one campaign."""

    campaign_id: str
    total_revenue: Money
    transaction_count: Number


class RevenueBucket(Answer):
    """Revenue of one bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime
    total_revenue: Money
    transaction_count: Number


class RevenueReport(Answer):
    """What was earned."""

    filters: RevenueFilters
    total_revenue: Money
    transaction_count: Number
    average_transaction_value: AverageMoney | None
    revenue: tuple[SourceRevenue, ...] = Field(description="By revenue, then source.")
    top_campaigns: tuple[CampaignRevenue, ...] = Field(
        max_length=100, description="By revenue, then id."
    )
    series: tuple[RevenueBucket, ...] | MISSING = Field(
        default=MISSING,
        description="Only with an interval; oldest first, empty ones too unless `seriesGaps`.",
    )
    series_gaps: SeriesGaps = MISSING


class DemographicsFilters(Filters):
    """The filters of the demographics report."""

    limit: Limit


class AgeUsers(Answer):
    """Users of an age."""

    range: AgeRange
    users: Number


class GenderUsers(Answer):
    """Users of a gender."""

    gender: Literal["male", "female", "non-binary"]
    users: Number


class CountryUsers(Answer):
    """Users who live in a country."""

    country: str
    users: Number


class CityUsers(Answer):
    """Users who live in a city."""

    country: str
    city: str
    users: Number


class FacebookDemographics(Answer):
    """Who the Facebook users are."""

    users: Number
    average_age: Average | None
    age: tuple[AgeUsers, ...] = Field(description="Every range, youngest first.")
    gender: tuple[GenderUsers, ...]
    countries: tuple[CountryUsers, ...] = Field(max_length=100)
    cities: tuple[CityUsers, ...] = Field(max_length=100)


class Followers(Answer):
    """How many followers users have."""

    average: Average | None
    min: Number | None
    max: Number | None


class FollowerUsers(Answer):
    """Users with so many followers."""

    range: FollowerRange
    users: Number


class CountryEvents(Answer):
    """Top-of-funnel events from a country."""

    country: str
    events: Number


class DeviceEvents(Answer):
    """Top-of-funnel events from a device."""

    device: Literal["Android", "iOS", "Desktop"]
    events: Number


class TiktokDemographics(Answer):
    """Who the TikTok users are."""

    users: Number
    followers: Followers
    follower_ranges: tuple[FollowerUsers, ...] = Field(description="Every range, fewest first.")
    countries: tuple[CountryEvents, ...] = Field(max_length=100)
    devices: tuple[DeviceEvents, ...]
    average_watch_time: Average | None = Field(description="Seconds.")
    average_percentage_watched: Average | None


class DemographicsReport(Answer):
    """Who the users are; a source that is filtered out is null."""

    filters: DemographicsFilters
    total_users: Number
    facebook: FacebookDemographics | None
    tiktok: TiktokDemographics | None


class LedgerFilters(Filters):
    """The filters of the ledger, on the time of acceptance."""

    interval: Interval


class Rejections(Answer):
    """What became of rejected events: these four add up to them."""

    kept: Number = Field(description="As dead letters.")
    repeated: Number = Field(description="The same dead letter was kept before.")
    in_flight: Number = Field(description="Told of by a gateway, and not settled yet.")
    imbalance: int = Field(description="Missed, or too many when negative; 0 unless lost.")


class Balance(Answer):
    """What became of events.

    ``accepted`` is ``stored`` + ``duplicates`` + ``deadLettered`` + ``inFlight`` + ``imbalance``.
    """

    accepted: Number = Field(description="Valid at a gateway, which counted them.")
    stored: Number
    duplicates: Number = Field(description="The same event was stored before.")
    dead_lettered: Number = Field(description="Kept by a collector as dead letters.")
    in_flight: Number = Field(description="Told of by a gateway, and not settled yet.")
    imbalance: int = Field(description="Missed, or too many when negative; 0 unless lost.")
    rejected: Number = Field(description="Invalid at a gateway, which counted them.")
    rejections: Rejections


class LedgerBucket(Balance):
    """One bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime


class Waiting(Answer):
    """What waited at the broker for a collector when it last looked."""

    collector: str
    measured_at: datetime
    messages: Number = Field(description="Of many events each.")
    oldest_seconds: float = Field(description="The age of the oldest; 0 for none.")
    measured_seconds_ago: float = Field(
        description="By the database's clock. Collectors measure every five seconds."
    )


class LedgerReport(Answer):
    """What became of events, by the time at which a gateway took them."""

    filters: LedgerFilters
    total: Balance
    waiting: tuple[Waiting, ...] = Field(
        description="When each collector last looked, whatever the range; by name."
    )
    warnings: tuple[str, ...] = Field(
        description="Why the account is not whole: a sentence for each collector that does not"
        " measure. Only where there is none, an imbalance of 0 says that all is even."
    )
    series: tuple[LedgerBucket, ...] = Field(description="Oldest first, without empty ones.")


Report = EventsReport | RevenueReport | DemographicsReport | LedgerReport


def to_json(report: Report) -> bytes:
    """Write a report as a client reads it; ``series`` only where there is one."""
    return report.model_dump_json().encode()
