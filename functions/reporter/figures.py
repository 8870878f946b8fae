"""The figures of reports, counted and summed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from functions.events import UNSPECIFIED, FunnelStage, Source
from functions.messages import Backlog


class KindCount(NamedTuple):
    """The number of events of one kind; at least one."""

    source: Source
    funnel_stage: FunnelStage
    event_type: str
    events: int


class BucketCount(NamedTuple):
    """The number of events in a bucket, named by its first instant; at least one."""

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


class SourceSum(NamedTuple):
    """The exact revenue of one source in one currency; at least one transaction."""

    source: Source
    revenue: Decimal
    transactions: int
    currency: str = UNSPECIFIED


class CampaignSum(NamedTuple):
    """The exact revenue of one campaign in one currency; at least one transaction."""

    campaign_id: str
    revenue: Decimal
    transactions: int
    currency: str = UNSPECIFIED


class BucketSum(NamedTuple):
    """The exact revenue of a bucket in one currency; at least one transaction.

    A bucket is named by its first instant.
    """

    bucket: datetime
    revenue: Decimal
    transactions: int
    currency: str = UNSPECIFIED


@dataclass(frozen=True, slots=True)
class RevenueFigures:
    """Revenue, summed.

    Attributes:
        sources: Each source and currency that has revenue once, in no order.
        campaigns: The top campaigns, by revenue, then by id in order of code points, then by
            currency.
        buckets: Oldest first, then by currency, without the empty ones; none without an
            interval.
    """

    sources: Sequence[SourceSum]
    campaigns: Sequence[CampaignSum]
    buckets: Sequence[BucketSum]


class UnknownFacebook(NamedTuple):
    """The number of Facebook users with an unknown attribute."""

    age: int = 0
    gender: int = 0
    place: int = 0


_NOTHING_UNKNOWN: Final = UnknownFacebook()


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


class NameTally(NamedTuple):
    """The number of users or events with a name; at least one."""

    name: str
    number: int


class CityTally(NamedTuple):
    """The number of users in a city of a country; at least one."""

    country: str
    city: str
    users: int


class Watching(NamedTuple):
    """The number of events that report watching, and the sums of their values."""

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
        unknown: Users who are in none of the lists.
    """

    ages: Sequence[Spread]
    genders: Sequence[NameTally]
    countries: Sequence[NameTally]
    cities: Sequence[CityTally]
    unknown: UnknownFacebook = _NOTHING_UNKNOWN


@dataclass(frozen=True, slots=True)
class TiktokUsers:
    """The TikTok users. Names by number, then in order of code points.

    Attributes:
        followers: Each range that has users once, in no order.
        countries: Top-of-funnel events by country; at most the limit.
        devices: Top-of-funnel events by device; at most the limit.
        watching: Over all top-of-funnel events.
        unknown_followers: Users whose number of followers is not known.
    """

    followers: Sequence[Spread]
    countries: Sequence[NameTally]
    devices: Sequence[NameTally]
    watching: Watching
    unknown_followers: int = 0


@dataclass(frozen=True, slots=True)
class UserFigures:
    """The users of each source; a source that was not asked for has none."""

    facebook: FacebookUsers
    tiktok: TiktokUsers


class LedgerSum(NamedTuple):
    """The outcomes of the events accepted in a bucket, named by its first instant.

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

    buckets: Sequence[LedgerSum]
    backlogs: Sequence[Backlog]
