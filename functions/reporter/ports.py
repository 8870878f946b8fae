"""The reporter's port: the figures of reports, counted and summed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from functions.events import FunnelStage, Source
from functions.messages import Backlog
from functions.parameters import Interval, Period


class KindCount(NamedTuple):
    """How many events of one kind there are; at least one."""

    source: Source
    funnel_stage: FunnelStage
    event_type: str
    events: int


class BucketCount(NamedTuple):
    """How many events a bucket has, named by its first instant; at least one."""

    bucket: datetime
    events: int


@dataclass(frozen=True, slots=True)
class EventFigures:
    """Events, counted.

    Attributes:
        kinds: Each existing kind once, in no order.
        buckets: Oldest first, without the empty ones; none without an interval.
    """

    kinds: Sequence[KindCount]
    buckets: Sequence[BucketCount]


class SourceRevenue(NamedTuple):
    """The exact revenue of one source; at least one transaction."""

    source: Source
    revenue: Decimal
    transactions: int


class CampaignRevenue(NamedTuple):
    """The exact revenue of one campaign; at least one transaction."""

    campaign_id: str
    revenue: Decimal
    transactions: int


class BucketRevenue(NamedTuple):
    """The exact revenue of a bucket, named by its first instant; at least one transaction."""

    bucket: datetime
    revenue: Decimal
    transactions: int


@dataclass(frozen=True, slots=True)
class RevenueFigures:
    """Revenue, summed.

    Attributes:
        sources: Each source that has revenue once, in no order.
        campaigns: The top campaigns, by revenue, then by id in order of code points.
        buckets: Oldest first, without the empty ones; none without an interval.
    """

    sources: Sequence[SourceRevenue]
    campaigns: Sequence[CampaignRevenue]
    buckets: Sequence[BucketRevenue]


class Spread(NamedTuple):
    """The users whose age or followers lie in one range; at least one.

    Attributes:
        range: How many of the edges lie at or below them: 0 is below the first.
        users: How many they are.
        total: The sum of their values.
        smallest: The lowest of their values.
        largest: The highest of their values.
    """

    range: int
    users: int
    total: int
    smallest: int
    largest: int


class Tally(NamedTuple):
    """How many users or events have a name; at least one."""

    name: str
    number: int


class CityTally(NamedTuple):
    """How many users live in a city of a country; at least one."""

    country: str
    city: str
    users: int


class Watching(NamedTuple):
    """How many events report watching, and the sums of their values."""

    events: int
    seconds: Decimal
    percentages: Decimal


@dataclass(frozen=True, slots=True)
class FacebookUsers:
    """The Facebook users. Names by number, then in order of code points.

    Attributes:
        ages: Each range that has users once, in no order.
        genders: At most the limit, as are countries and cities.
        countries: By name.
        cities: By country, then by name.
    """

    ages: Sequence[Spread]
    genders: Sequence[Tally]
    countries: Sequence[Tally]
    cities: Sequence[CityTally]


@dataclass(frozen=True, slots=True)
class TiktokUsers:
    """The TikTok users. Names by number, then in order of code points.

    Attributes:
        followers: Each range that has users once, in no order.
        countries: Top-of-funnel events by country; at most the limit.
        devices: Top-of-funnel events by device; at most the limit.
        watching: Over all top-of-funnel events.
    """

    followers: Sequence[Spread]
    countries: Sequence[Tally]
    devices: Sequence[Tally]
    watching: Watching


@dataclass(frozen=True, slots=True)
class UserFigures:
    """The users of each source; a source that was not asked for has none."""

    facebook: FacebookUsers
    tiktok: TiktokUsers


class LedgerBucket(NamedTuple):
    """What became of the events accepted in a bucket, named by its first instant.

    Attributes:
        accepted: As counted by the gateways.
        dead: Stored by the collectors as dead letters.
        in_flight: Announced by a gateway, and possibly still on the broker.
        rejected: As counted by the gateways; not part of the counts above.
        kept: Rejected events that are dead letters now.
        repeated: Rejected events whose dead letter was stored already.
        rejected_in_flight: Rejected events in flight, as ``in_flight``.
    """

    bucket: datetime
    accepted: int
    stored: int
    duplicates: int
    dead: int
    in_flight: int
    rejected: int = 0
    kept: int = 0
    repeated: int = 0
    rejected_in_flight: int = 0


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """The ledger, summed.

    Attributes:
        buckets: Oldest first, without the empty ones.
        backlogs: As each consumer last measured it, by name.
    """

    buckets: Sequence[LedgerBucket]
    backlogs: Sequence[Backlog]


class Reports(Protocol):
    """The stored events, counted and summed; each answer is one consistent snapshot.

    A filter that is None matches all. Every method raises ``Unavailable`` when there is
    no answer now, and the same question may be asked again; and ``UnknownZone`` when the
    store does not know the zone.
    """

    async def count_events(
        self,
        period: Period,
        *,
        source: Source | None,
        funnel_stage: FunnelStage | None,
        event_type: str | None,
        interval: Interval | None,
        zone: str,
        max_buckets: int,
    ) -> EventFigures:
        """Count events by kind and, with an interval, by bucket.

        Args:
            period: Which events, by their own time.
            source: Only this platform's.
            funnel_stage: Only those of this stage.
            event_type: Only those of this type.
            interval: The length of a bucket; None for no buckets.
            zone: Where buckets begin: an IANA time zone.
            max_buckets: At most so many are returned, the oldest ones.
        """

    async def sum_revenue(
        self,
        period: Period,
        *,
        source: Source | None,
        campaign_id: str | None,
        interval: Interval | None,
        zone: str,
        limit: int,
        max_buckets: int,
    ) -> RevenueFigures:
        """Sum revenue by source, by campaign and, with an interval, by bucket.

        Args:
            period: Which events, by their own time.
            source: Only this platform's.
            campaign_id: Only this campaign's; a source without campaigns has none.
            interval: The length of a bucket; None for no buckets.
            zone: Where buckets begin: an IANA time zone.
            limit: Maximum number of campaigns.
            max_buckets: At most so many are returned, the oldest ones.
        """

    async def describe_users(
        self,
        period: Period,
        *,
        source: Source | None,
        age_edges: Sequence[int],
        follower_edges: Sequence[int],
        limit: int,
    ) -> UserFigures:
        """Describe the distinct users with an event in a period, each once.

        A user is a source and its user id, with the attributes of the user's newest
        event, in the period or after it; of two at the same time, the greater id.

        Args:
            period: Which users, by their events' own time.
            source: Only this platform's.
            age_edges: Where a new range of ages starts, ascending.
            follower_edges: Where a new range of followers starts, ascending.
            limit: Maximum number of names in each list.
        """

    async def sum_ledger(
        self,
        period: Period,
        *,
        source: Source | None,
        interval: Interval,
        zone: str,
        max_buckets: int,
    ) -> LedgerFigures:
        """Sum what became of events, by bucket of the time of acceptance.

        Args:
            period: Which events, by the minute in which the gateway accepted them.
            source: Only this platform's; then without the backlog of dead
                letters, and without rejected events of unknown source.
            interval: The length of a bucket.
            zone: Where buckets begin: an IANA time zone.
            max_buckets: At most so many are returned, the oldest ones.
        """
