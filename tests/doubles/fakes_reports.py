"""Reports over rows in memory: a plain implementation of the contract of ``Reports``."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from functions.errors import Unavailable
from functions.events import REVENUE_TYPES, UNSPECIFIED, Source
from functions.events.rows import EventRow, user_key
from functions.parameters import Interval, Period
from functions.reporter.demographics_report import AGE_EDGES, FOLLOWER_EDGES, DemographicsQuestion
from functions.reporter.events_report import EventsQuestion
from functions.reporter.figures import (
    BucketCount,
    BucketSum,
    CampaignSum,
    CityTally,
    EventFigures,
    FacebookUsers,
    KindCount,
    LedgerFigures,
    NameTally,
    RevenueFigures,
    SourceSum,
    Spread,
    TiktokUsers,
    UnknownFacebook,
    UserFigures,
    Watching,
)
from functions.reporter.ledger_report import LedgerQuestion
from functions.reporter.revenue_report import RevenueQuestion
from functions.senders import Channel

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)

_CYCLE = timedelta(days=146_097)  # 400 years, after which the calendar repeats
_SAFE_YEARS = (2, 9998)


def a_row(**fields: Any) -> EventRow:
    """A Facebook ad view at noon, by its own user.

    Args:
        fields: Of the row; ``user_id`` stands for the key made of it.
    """
    source: Source = fields.get("source", "facebook")
    facebook = source == "facebook"
    row = EventRow(
        id=uuid4().bytes,
        user_key=user_key(source, fields.pop("user_id", None) or str(uuid4())),
        occurred_at=NOON,
        accepted_at=NOON,
        source=source,
        funnel_stage="top",
        event_type="ad.view" if facebook else "like",
        event_id=str(uuid4()),
        correlation_id="test",
        trace_parent=None,
        published_at=None,
        stream_sequence=None,
        deliveries=None,
        revenue=None,
        campaign_id=None,
        watch_country=None if facebook else "Japan",
        watch_device=None if facebook else "iOS",
        watch_seconds=None if facebook else 10.0,
        percentage_watched=None if facebook else 50.0,
        channel="native",
        currency=None,
        order_id=None,
        event_name=None,
        mapping=None,
        payload="{}",
        age=30 if facebook else None,
        gender="female" if facebook else None,
        followers=None if facebook else 500,
        country="Ukraine" if facebook else None,
        city="Kyiv" if facebook else None,
    )
    return row._replace(**fields)


def a_sale(amount: str, **fields: Any) -> EventRow:
    """A revenue event; Facebook's of campaign ``camp-1``."""
    source: Source = fields.get("source", "facebook")
    bottom: dict[str, Any] = {
        "funnel_stage": "bottom",
        "event_type": REVENUE_TYPES[source],
        "revenue": Decimal(amount),
        "campaign_id": "camp-1" if source == "facebook" else None,
        "watch_seconds": None,
        "percentage_watched": None,
    }
    return a_row(**{**bottom, **fields})


@dataclass
class FakeReports:
    """Implements ``Reports``; ``down`` makes it unavailable; the ledger is given."""

    rows: Sequence[EventRow] = ()
    down: bool = False
    ledger: LedgerFigures = field(default_factory=lambda: LedgerFigures((), ()))
    asked: list[Period] = field(default_factory=list)

    async def count_events(self, question: EventsQuestion, *, max_buckets: int) -> EventFigures:
        interval, zone = question.interval, question.zone_name
        rows = [
            row
            for row in self._of(question.period, question.source, question.channel)
            if question.funnel_stage in (None, row.funnel_stage)
            and question.event_type in (None, row.event_type)
        ]
        kinds = Counter((row.source, row.funnel_stage, row.event_type) for row in rows)
        buckets = Counter(truncate(row.occurred_at, interval, zone) for row in rows if interval)
        return EventFigures(
            kinds=[KindCount(*kind, events) for kind, events in kinds.items()],
            buckets=[BucketCount(*bucket) for bucket in sorted(buckets.items())][:max_buckets],
        )

    async def sum_revenue(self, question: RevenueQuestion, *, max_buckets: int) -> RevenueFigures:
        interval, zone = question.interval, question.zone_name
        rows = [
            row
            for row in self._of(question.period, question.source, question.channel)
            if row.revenue is not None
            and question.campaign_id in (None, row.campaign_id)
            and question.currency in (None, currency_of(row))
        ]
        campaigns = _sums((row for row in rows if row.campaign_id), lambda row: row.campaign_id)
        ranked = sorted(campaigns, key=lambda sums: (-sums[1], sums[0], sums[3]))
        buckets = _sums(
            rows if interval else [], lambda row: truncate(row.occurred_at, interval, zone)
        )
        return RevenueFigures(
            sources=[SourceSum(*sums) for sums in _sums(rows, lambda row: row.source)],
            campaigns=[CampaignSum(*sums) for sums in ranked[: question.limit]],
            buckets=[BucketSum(*sums) for sums in sorted(buckets, key=_in_order)][:max_buckets],
        )

    async def sum_ledger(self, question: LedgerQuestion, *, max_buckets: int) -> LedgerFigures:
        list(self._of(question.period, None))
        return LedgerFigures(self.ledger.buckets[:max_buckets], self.ledger.backlogs)

    async def describe_users(self, question: DemographicsQuestion) -> UserFigures:
        limit = question.limit
        rows = list(self._of(question.period, question.source, question.channel))
        newest = list(self._newest({row.user_key for row in rows if row.user_key}))
        facebook = [row for row in newest if row.source == "facebook"]
        tiktok = [row for row in newest if row.source == "tiktok"]
        views = [row for row in rows if row.watch_seconds is not None]
        return UserFigures(
            facebook=FacebookUsers(
                ages=_spreads((row.age for row in facebook if row.age is not None), AGE_EDGES),
                genders=_tallies((row.gender for row in facebook if row.gender), limit),
                countries=_tallies(
                    (row.country for row in facebook if row.country is not None), limit
                ),
                cities=[
                    CityTally(country, city, users)
                    for (country, city), users in _top(
                        ((row.country, row.city) for row in facebook if row.city is not None), limit
                    )
                ],
                unknown=UnknownFacebook(
                    sum(row.age is None for row in facebook),
                    sum(row.gender is None for row in facebook),
                    sum(row.country is None for row in facebook),
                ),
            ),
            tiktok=TiktokUsers(
                followers=_spreads(
                    (row.followers for row in tiktok if row.followers is not None), FOLLOWER_EDGES
                ),
                unknown_followers=sum(row.followers is None for row in tiktok),
                countries=_tallies((row.watch_country for row in views), limit),
                devices=_tallies((row.watch_device for row in views), limit),
                watching=Watching(
                    len(views),
                    _exact_sum(row.watch_seconds for row in views),
                    _exact_sum(row.percentage_watched for row in views),
                ),
            ),
        )

    def _of(
        self, period: Period, source: Source | None, channel: Channel | None = None
    ) -> Iterator[EventRow]:
        self.asked.append(period)
        if self.down:
            raise Unavailable("the reports are away")
        for row in self.rows:
            late_enough = period.start is None or period.start <= row.occurred_at
            early_enough = period.end is None or row.occurred_at < period.end
            wanted = source in (None, row.source) and channel in (None, row.channel)
            if late_enough and early_enough and wanted:
                yield row

    def _newest(self, user_keys: set[bytes]) -> Iterator[EventRow]:
        for key in user_keys:
            theirs = (row for row in self.rows if row.user_key == key)
            yield max(theirs, key=lambda row: (row.occurred_at, row.id))


def truncate(moment: datetime, interval: Interval | None, zone: str = "UTC") -> datetime:
    """The first instant of the bucket of a time in UTC."""
    if moment.year < _SAFE_YEARS[0]:  # a zone's time may leave the calendar
        return max(truncate(moment + _CYCLE, interval, zone), FIRST + _CYCLE) - _CYCLE
    if moment.year > _SAFE_YEARS[1]:
        return truncate(moment - _CYCLE, interval, zone) + _CYCLE
    there = moment.astimezone(ZoneInfo(zone))
    minute = there.replace(second=0, microsecond=0)
    if interval == "minute":
        return minute.astimezone(UTC)
    hour = minute.replace(minute=0)
    if interval == "hour":
        return hour.astimezone(UTC)
    day = hour.replace(hour=0, fold=0)
    if interval == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if interval == "month" else day).astimezone(UTC)


def _sums(
    rows: Iterable[EventRow], key: Callable[[EventRow], Any]
) -> list[tuple[Any, Decimal, int, str]]:
    amounts: dict[Any, list[Decimal]] = defaultdict(list)
    for row in rows:
        amounts[key(row), currency_of(row)].append(row.revenue or Decimal(0))
    return [
        (name, sum(found, Decimal(0)), len(found), currency)
        for (name, currency), found in amounts.items()
    ]


def _in_order(sums: tuple[Any, Decimal, int, str]) -> tuple[Any, str]:
    return sums[0], sums[3]


def currency_of(row: EventRow) -> str:
    """The currency of a row's revenue."""
    return row.currency or UNSPECIFIED


def _spreads(figures: Iterable[int | None], edges: Sequence[int]) -> list[Spread]:
    ranges: dict[int, list[int]] = defaultdict(list)
    for figure in figures:
        assert figure is not None
        ranges[sum(edge <= figure for edge in edges)].append(figure)
    return [
        Spread(place, len(found), sum(found), min(found), max(found))
        for place, found in ranges.items()
    ]


def _exact_sum(figures: Iterable[float | None]) -> Decimal:
    with localcontext(prec=1000):
        return sum((Decimal(str(figure)) for figure in figures), Decimal(0))


def _tallies(names: Iterable[str | None], limit: int) -> list[NameTally]:
    return [NameTally(*tally) for tally in _top(names, limit)]


def _top(names: Iterable[Any], limit: int) -> list[tuple[Any, int]]:
    return sorted(Counter(names).items(), key=lambda tally: (-tally[1], tally[0]))[:limit]
