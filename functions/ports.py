"""What the functions need of the world: protocols, and the values that cross them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from functions.errors import Fault
from functions.events import FunnelStage, Source
from functions.events.keys import derive_key
from functions.events.rows import EventRow

Reason = Literal["rejected", "unreadable", "refused", "too_old", "summarized"]
"""Why something is a dead letter: the gateway judged it invalid, a collector
could not read it, the database would not keep it, it is of before what is kept;
or it is no event at all, but tells of rejected ones that had no room."""


class Told(NamedTuple):
    """What a gateway says of an envelope that the broker acknowledged.

    Attributes:
        id: The envelope's, 16 bytes.
        minute: In which the gateway took its events, by its first instant, UTC.
        events: How many it holds.
        sequence: Its place in the broker's stream.
    """

    id: bytes
    minute: datetime
    events: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a gateway counted of the events that travel together: the ledger's one entry.

    Attributes:
        id: The same however often it is delivered, 16 bytes.
        source: Whose events it holds; None where they are rejected and nobody knows.
        instance: The gateway's process that made it, 16 bytes.
        minute: In which the gateway took all of its events, by its first instant, UTC.
        events: How many it holds; 0 where it only tells of others.
        told: The last ones of this gateway and kind before it, so that one
            that never comes is missed.
        rejected: Whether they are those that the gateway rejected: dead letters.
    """

    id: bytes
    source: Source | None
    instance: bytes
    minute: datetime
    events: int
    told: Sequence[Told] = ()
    rejected: bool = False


class Delivery(NamedTuple):
    """How a message came; None is what its bus does not tell.

    Attributes:
        published_at: When the broker took it, UTC.
        sequence: Its place in the broker's stream, from 1.
        times: How often it was delivered, this time included.
        is_replayed: Whether it was settled before, and is brought back by an
            operator; the first two are of the first time.
    """

    published_at: datetime | None = None
    sequence: int | None = None
    times: int | None = None
    is_replayed: bool = False


NOT_DELIVERED: Final = Delivery()
"""Of what came on no bus."""


@dataclass(frozen=True, slots=True)
class Part:
    """Valid events that came in one request, all of one source.

    Attributes:
        correlation_id: The request's, for every log line and row.
        accepted_at: When the gateway took the request, UTC.
        events: JSON texts, byte for byte as they came, in their order.
        envelope: What it came in, if that is counted in the ledger.
        trace_parent: The request's W3C ``traceparent``, valid; None where it had none.
        delivery: How its message came.
    """

    correlation_id: str
    accepted_at: datetime
    events: Sequence[bytes]
    envelope: Envelope | None = None
    trace_parent: str | None = None
    delivery: Delivery = NOT_DELIVERED


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that will never be a row, kept so that nobody has to miss it.

    Attributes:
        reason: Who gave it up.
        fault: What is wrong with it.
        payload: Its original bytes; any bytes at all.
        position: Its place in the request or batch, from 0: the same bytes at
            the same place are the same letter, so a repeated request adds none.
            Of a mass that of its first element.
        source: The platform, if known.
        event_id: The platform's id of it, if one could be read.
        correlation_id: The request's, if known.
        accepted_at: When the gateway took the request, UTC.
        trace_parent: The request's W3C ``traceparent``, if it had one.
        elements: How many elements of a request it holds. More than one are a
            mass, and its bytes are packed (``functions.masses``).
    """

    reason: Reason
    fault: Fault
    payload: bytes
    position: int
    source: Source | None
    event_id: str | None
    correlation_id: str | None
    accepted_at: datetime
    trace_parent: str | None = None
    elements: int = 1

    @property
    def id(self) -> UUID:
        """The key: a digest of reason, position and bytes."""
        many = f"*{self.elements}" if self.elements > 1 else ""
        place = f"{self.reason}{many}\0{self.position}\0"
        return UUID(bytes=derive_key(place.encode() + self.payload))


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch of rows, or of dead letters.

    Attributes:
        new: Those written now.
        duplicates: Those that were there already; nothing was changed.
        too_old: Rows of before what is kept: nobody could tell whether they
            are new, so each became a dead letter.
    """

    new: int
    duplicates: int
    too_old: int = 0


@dataclass(frozen=True, slots=True)
class Lot:
    """What an envelope came to: each of its events is a row or a dead letter.

    Attributes:
        envelope: None where nobody counted it: then the ledger has nothing of it.
        rows: In any order; may repeat an event: its first row counts. None
            where the gateway had rejected them all.
        letters: What will never be a row; may repeat one.
        unread: Whether its one letter stands for all of its events: nobody could
            read it, or only a summary was kept.
    """

    envelope: Envelope | None
    rows: Sequence[EventRow]
    letters: Sequence[DeadLetter] = ()
    unread: bool = False


class Bus(Protocol):
    """Where events wait, on disk, for their collector."""

    @property
    def mass_bytes(self) -> int:
        """About how many packed bytes the dead letter of a mass may have; then the next begins."""

    async def can_carry(self, event: bytes) -> bool:
        """Tell whether an event, or a dead letter with it, is small enough to be published."""

    async def publish(self, source: Source, part: Part) -> None:
        """Put events on the broker's disk; the bus was asked of each large one.

        When this returns, losing every process loses none of them. The order
        among calls is not kept.

        Raises:
            Unavailable: Some or none of them are safe; the same call may come
                again and doubles nothing.
        """

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk.

        Raises:
            Unavailable: Some or none of them are safe; the same call may come
                again and doubles nothing.
        """


class DeadLetterStore(Protocol):
    """Where dead letters are kept."""

    async def keep(self, lots: Sequence[Lot]) -> Stored:
        """Store the dead letters of lots without rows, all or none, each once.

        The outcome of each envelope is counted in the ledger, in the same
        transaction; of one that was settled before, nothing is looked at.

        Args:
            lots: In any order; may repeat one; may be empty.

        Returns:
            What became of the letters; those of envelopes settled before are duplicates.

        Raises:
            Unavailable: Nothing was stored; the same call may come again.
        """


class EventStore(DeadLetterStore, Protocol):
    """Where events are kept, with the figures that reports read and the ledger."""

    async def settle(self, lots: Sequence[Lot]) -> Stored:
        """Store events and dead letters, all or none, each once.

        What is new is counted in the rollups, and the outcome of each envelope
        in the ledger. When this returns all of it is committed. An event that
        is there already, by its id, stays as it is; of an envelope that was
        settled before, nothing is looked at.

        Args:
            lots: In any order; may repeat one; may be empty.

        Returns:
            What became of the rows; those of envelopes settled before are duplicates.

        Raises:
            Refused: Nothing was stored: the database will never keep this batch.
            Unavailable: Nothing was stored; the same call may come again.
        """

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Settle rows that came in no envelope."""

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Find out whether the database would keep these rows; change nothing.

        Raises:
            Refused: It would not.
            Unavailable: There is no answer now.
        """


Interval = Literal["minute", "hour", "day", "week", "month"]
"""How long a bucket of time is, by a zone's clock; a week starts on Monday."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open range of time, ``start <= t < end``, in UTC; None is no bound."""

    start: datetime | None
    end: datetime | None


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
        kinds: Each kind that there is once, in no order.
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
        total: The sum of their figures.
        smallest: The lowest figure among them.
        largest: The highest figure among them.
    """

    range: int
    users: int
    total: int
    smallest: int
    largest: int


class Tally(NamedTuple):
    """How many users or events bear a name; at least one."""

    name: str
    number: int


class CityTally(NamedTuple):
    """How many users live in a city of a country; at least one."""

    country: str
    city: str
    users: int


class Watching(NamedTuple):
    """How much was watched: how many events say so, and the sums of what they say."""

    events: int
    seconds: Decimal
    percentages: Decimal


@dataclass(frozen=True, slots=True)
class FacebookUsers:
    """Who the Facebook users are. Names by number, then in order of code points.

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
    """Who the TikTok users are. Names by number, then in order of code points.

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
    """The users of each source; one that was not asked for has none."""

    facebook: FacebookUsers
    tiktok: TiktokUsers


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at the broker for a consumer.

    Attributes:
        consumer: Its durable name.
        measured_at: When it was so, UTC.
        messages: Those not acknowledged, delivered or not.
        oldest_at: When the first of them came, UTC; None for none.
        first_sequence: The broker has nothing before it any more.
        noted_seconds_ago: How long it has been in the store, by the store's own
            clock; 0 for one that is new.
    """

    consumer: str
    measured_at: datetime
    messages: int
    oldest_at: datetime | None
    first_sequence: int
    noted_seconds_ago: float = field(default=0.0, compare=False)

    @property
    def oldest_seconds(self) -> float:
        """How old the first of them was; 0 for none."""
        return (self.measured_at - self.oldest_at).total_seconds() if self.oldest_at else 0.0


class LedgerBucket(NamedTuple):
    """What became of the events that came in a bucket, named by its first instant.

    Attributes:
        accepted: As the gateways counted them.
        dead: Those that the collectors kept as dead letters.
        in_flight: Those that a gateway tells of and the broker may still have.
        rejected: As the gateways counted them; no part of what stands before.
        kept: Of the rejected, those that are dead letters now.
        repeated: Of the rejected, those whose dead letter was there already.
        rejected_in_flight: Of the rejected, as ``in_flight``.
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
        backlogs: What each consumer saw last, by name.
    """

    buckets: Sequence[LedgerBucket]
    backlogs: Sequence[Backlog]


class Reports(Protocol):
    """What is stored, counted and summed; each answer is one consistent snapshot.

    A filter that is None lets everything through. Every method raises
    ``Unavailable`` when there is no answer now; the same question may come again,
    and ``UnknownZone`` when what answers does not know the zone.
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
            zone: Where buckets begin: a name of IANA's.
            max_buckets: More than these, the oldest, are never given.
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
            zone: Where buckets begin: a name of IANA's.
            limit: How many campaigns are given at most.
            max_buckets: More than these, the oldest, are never given.
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

        A user is a source and its user id, with the attributes of the newest
        event there is of them, in the period or after it; of two at the same
        time, that with the greater id.

        Args:
            period: Which users, by their events' own time.
            source: Only this platform's.
            age_edges: Where a new range of ages starts, ascending.
            follower_edges: Where a new range of followers starts, ascending.
            limit: How many names each list has at most.
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
        """Sum what became of events, by bucket of the time of their acceptance.

        Args:
            period: Which events, by the minute in which the gateway took them.
            source: Only this platform's; then without the backlog of dead
                letters, and without rejected events of which it is unknown.
            interval: The length of a bucket.
            zone: Where buckets begin: a name of IANA's.
            max_buckets: More than these, the oldest, are never given.
        """
