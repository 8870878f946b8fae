"""A page's view: its parameters in, two periods and their questions out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, get_args

from functions.errors import Fault, Invalid
from functions.events import FunnelStage, Source
from functions.parameters import (
    Interval,
    Params,
    Parse,
    Period,
    Values,
    parse_channel,
    parse_choice,
    parse_currency,
    parse_end,
    parse_event_type,
    parse_funnel_stage,
    parse_interval,
    parse_source,
    parse_start,
    parse_text,
    parse_timezone,
    period_of,
    read_parameters,
)
from functions.reporter.series import beginning_of
from functions.senders import Channel
from functions.zones import UTC_NAME, instant_of, shown, zone_of

RangeName = Literal["1h", "24h", "today", "yesterday", "7d", "28d", "91d", "364d", "all", "custom"]
Metric = Literal["events", "revenue"]

DEFAULT_RANGE: Final[RangeName] = "7d"
MOST_POINTS: Final = 400
"""Points of a chart: more can't be distinguished, and make a page heavy."""


@dataclass(frozen=True, slots=True)
class _Range:
    """A range that ends now.

    Attributes:
        days: Its length; whole weeks if it is long, so that the period before has the same
            weekdays.
        interval: The length of its buckets.
    """

    days: int
    interval: Interval


_DAYS: Final[Mapping[str, _Range]] = {
    "24h": _Range(1, "hour"),
    "today": _Range(1, "hour"),
    "yesterday": _Range(1, "hour"),
    "7d": _Range(7, "hour"),
    "28d": _Range(28, "day"),
    "91d": _Range(91, "day"),
    "364d": _Range(364, "day"),
}
RANGES: Final[Sequence[RangeName]] = get_args(RangeName)

_COARSER: Final[Sequence[Interval]] = ("minute", "hour", "day", "week", "month")
_LENGTHS: Final[Mapping[Interval, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
}
_FEWEST_POINTS: Final = 24

_KNOWN: Final[Mapping[str, Parse]] = {
    "range": partial(parse_choice, choices=RANGES),
    "from": parse_start,
    "to": parse_end,
    "timezone": parse_timezone,
    "source": parse_source,
    "funnelStage": parse_funnel_stage,
    "eventType": parse_event_type,
    "campaignId": parse_text,
    "channel": parse_channel,
    "currency": parse_currency,
    "interval": parse_interval,
    "compare": partial(parse_choice, choices=("before", "none")),
    "metric": partial(parse_choice, choices=("events", "revenue")),
    "people": partial(parse_choice, choices=("show",)),
}


@dataclass(frozen=True, slots=True)
class View:
    """A page's view.

    Attributes:
        given: The parameters as understood, without empty ones: the address.
        period: Its end is never after now.
        before: The period of the same length before; None if there is none to compare with.
        earlier: The period that ends where this one starts; None if it has no start.
        later: The period that starts where this one ends; None if it ends now.
        interval: The chart's; None if there is no chart.
        is_running: Whether its last bucket has not ended.
    """

    given: Mapping[str, str]
    range: RangeName
    period: Period
    before: Period | None
    earlier: Period | None
    later: Period | None
    interval: Interval | None
    zone: str
    source: Source | None
    funnel_stage: FunnelStage | None
    event_type: str | None
    campaign_id: str | None
    channel: Channel | None
    currency: str | None
    metric: Metric
    is_running: bool
    has_people: bool

    def events_question(self, period: Period) -> Params:
        """Make the question to ``/reports/events`` for a period of this view."""
        kinds = {"funnelStage": self.funnel_stage, "eventType": self.event_type}
        others = {**kinds, "channel": self.channel, "interval": self.interval}
        return _question(self, period, others)

    def revenue_question(self, period: Period) -> Params:
        """Make the question to ``/reports/revenue`` for a period of this view."""
        others = {
            "campaignId": self.campaign_id,
            "channel": self.channel,
            "currency": self.currency,
            "interval": self.interval,
        }
        return _question(self, period, others)

    def people_question(self) -> Params:
        """Make the question to ``/reports/demographics`` for this view."""
        return _question(self, self.period, {"limit": "10", "channel": self.channel})


def read_view(params: Params, now: datetime) -> View:
    """Read the view that a page's address asks for.

    Args:
        params: The address's. An empty value counts as none: forms send them.
        now: UTC.

    Raises:
        Invalid: With every fault.
    """
    given = [(name, text) for name, text in params if text]
    values = read_parameters(given, _KNOWN)
    zone = values.get("timezone", UTC_NAME)
    name = _range_of(values)
    period, before = _periods(name, values, now, zone)
    interval = _interval(name, period, values.get("interval"))
    campaign = values.get("campaignId")
    view = View(
        given=dict(given),
        range=name,
        period=period,
        before=None if values.get("compare") == "none" else before,
        earlier=_earlier(name, period, zone),
        later=_later(period, now),
        interval=interval,
        zone=zone,
        source=values.get("source"),
        funnel_stage=values.get("funnelStage"),
        event_type=values.get("eventType"),
        campaign_id=campaign,
        channel=values.get("channel"),
        currency=values.get("currency"),
        metric=values.get("metric", "revenue" if campaign else "events"),
        is_running=period.end == now,
        has_people="people" in values,
    )
    if period.start is not None and period.end is not None and period.start >= period.end:
        raise Invalid([Fault("from", "range", "Should be before to, and before now")])
    return view


def _range_of(values: Values) -> RangeName:
    """Return the range's name; bounds have a name of their own, unless another is given."""
    name: RangeName | None = values.get("range")
    if name is None:
        return "custom" if values.keys() & {"from", "to"} else DEFAULT_RANGE
    return name


def _periods(
    name: RangeName, values: Values, now: datetime, zone: str
) -> tuple[Period, Period | None]:
    if name == "all":
        return Period(None, now), None
    if name == "custom":
        return _custom(period_of(values), now)
    if name == "1h":
        start = beginning_of(now, "minute", zone_of(zone)) - timedelta(minutes=59)
        hour = timedelta(hours=1)
        return Period(start, now), Period(start - hour, now - hour)
    period = _of_days(name, now, zone)
    days = _DAYS[name].days
    return period, Period(
        *(_days_before(moment, days, zone) for moment in (period.start, period.end) if moment)
    )


def _of_days(name: str, now: datetime, zone: str) -> Period:
    at = zone_of(zone)
    today = beginning_of(now, "day", at)
    if name == "today":
        return Period(today, now)
    if name == "yesterday":
        return Period(_days_before(today, 1, zone), today)
    found = _DAYS[name]
    if found.interval == "day":
        return Period(_days_before(today, found.days - 1, zone), now)
    hours = timedelta(hours=24 * found.days - 1)
    return Period(beginning_of(now, "hour", at) - hours, now)


def _custom(asked: Period, now: datetime) -> tuple[Period, Period | None]:
    end = now if asked.end is None else min(asked.end, now)
    if asked.start is None:
        return Period(None, end), None
    length = end - asked.start
    try:
        return Period(asked.start, end), Period(asked.start - length, asked.start)
    except OverflowError:
        return Period(asked.start, end), None


def _earlier(name: RangeName, period: Period, zone: str) -> Period | None:
    if period.start is None or period.end is None:
        return None
    if name in _DAYS:
        return Period(_days_before(period.start, _DAYS[name].days, zone), period.start)
    length = timedelta(hours=1) if name == "1h" else period.end - period.start
    try:
        return Period(period.start - length, period.start)
    except OverflowError:
        return None


def _later(period: Period, now: datetime) -> Period | None:
    if period.start is None or period.end is None or period.end >= now:
        return None
    return Period(period.end, period.end + (period.end - period.start))


def _days_before(moment: datetime, days: int, zone: str) -> datetime:
    """Go back by days of the zone's clock, which may have 23 or 25 hours."""
    wall = shown(moment, zone_of(zone)).replace(tzinfo=None)
    return instant_of(wall - timedelta(days=days), zone_of(zone))


def _interval(name: RangeName, period: Period, asked: Interval | None) -> Interval | None:
    """Choose buckets: the requested ones, or coarser ones if they would be too many."""
    if period.start is None:
        return asked if asked in ("week", "month") else "month"
    length = (period.end or period.start) - period.start
    least = asked or (_DAYS[name].interval if name in _DAYS else _finest(length))
    for interval in _COARSER[_COARSER.index(least) :]:
        if length / _LENGTHS[interval] <= MOST_POINTS + 1:
            return interval
    return "month"


def _finest(length: timedelta) -> Interval:
    """Return the longest buckets of which there are still enough to show a course."""
    enough = [it for it in _COARSER if length / _LENGTHS[it] >= _FEWEST_POINTS]
    return enough[-1] if enough else "minute"


def _question(view: View, period: Period, others: Mapping[str, str | None]) -> Params:
    named = {
        "from": _written(period.start),
        "to": _written(period.end),
        "timezone": None if view.zone == UTC_NAME else view.zone,
        "source": view.source,
        **others,
    }
    return [(name, text) for name, text in named.items() if text is not None]


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
