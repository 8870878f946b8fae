"""Random questions for the reports, and their query parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

from functions.events import SOURCES, FunnelStage, Source
from functions.parameters import Interval
from functions.senders import CHANNELS, KINDS, Channel

_T = TypeVar("_T")
Bounds = tuple[datetime | None, datetime | None]

_PARAMETERS = {
    "start": "from",
    "end": "to",
    "source": "source",
    "funnel_stage": "funnelStage",
    "event_type": "eventType",
    "campaign_id": "campaignId",
    "channel": "channel",
    "currency": "currency",
    "interval": "interval",
    "limit": "limit",
}
_KINDS = [(source, stage, name) for (source, stage), types in KINDS.items() for name in types]
_LONG: Sequence[Interval] = ("day", "week", "month")
_SHORTEST_SECONDS = 1.0
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Question:
    """One question; None is left out.

    Attributes:
        start: In UTC, as is the end.
    """

    report: Literal["events", "revenue", "demographics"]
    start: datetime | None = None
    end: datetime | None = None
    source: Source | None = None
    funnel_stage: FunnelStage | None = None
    event_type: str | None = None
    campaign_id: str | None = None
    interval: Interval | None = None
    limit: int | None = None
    channel: Channel | None = None
    currency: str | None = None

    @property
    def params(self) -> list[tuple[str, str]]:
        """The query's parameters."""
        given = ((name, getattr(self, field)) for field, name in _PARAMETERS.items())
        return [(name, _written(value)) for name, value in given if value is not None]

    @property
    def path(self) -> str:
        """The path of the report."""
        return f"/reports/{self.report}?{urlencode(self.params)}"


def _written(value: datetime | str | int) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to ask for.

    Attributes:
        start: About when the first event happened.
        end: About when the last one did.
        campaigns: Some that have revenue.
        channels: How the events came; one is asked for only if there are several.
        currencies: Of the revenue; likewise.
    """

    start: datetime
    end: datetime
    campaigns: Sequence[str]
    channels: Sequence[Channel] = CHANNELS[:1]
    currencies: Sequence[str] = ()

    def some_channel(self, dice: Random) -> Channel | None:
        """Draw a channel to ask for, or none."""
        return _sometimes(dice, 0.3, self.channels) if len(self.channels) > 1 else None

    def some_currency(self, dice: Random) -> str | None:
        """Draw a currency to ask for, or none."""
        return _sometimes(dice, 0.3, self.currencies) if len(self.currencies) > 1 else None


Ask = Callable[[Random, Known], Question]


def distinct(ask: Ask, dice: Random, known: Known, count: int) -> list[Question]:
    """Make so many different questions, or fewer if there are not as many."""
    found: dict[Question, None] = {}
    for _ in range(20 * count):
        found[ask(dice, known)] = None
        if len(found) == count:
            break
    return list(found)


def any_events(dice: Random, known: Known) -> Question:
    """Count with any filters over any range."""
    source, stage, name = _filters(dice)
    start, end = _ragged(dice, known)
    interval = _sometimes(dice, 0.25, _LONG)
    channel = known.some_channel(dice)
    return Question("events", start, end, source, stage, name, interval=interval, channel=channel)


def hourly_events(dice: Random, known: Known) -> Question:
    """Count by hour, with any filters, over nearly the whole time."""
    source, stage, name = _filters(dice)
    start, end = _nearly_all(dice, known)
    channel = known.some_channel(dice)
    return Question("events", start, end, source, stage, name, interval="hour", channel=channel)


def any_revenue(dice: Random, known: Known) -> Question:
    """Sum revenue over any range; top campaigns are included except for TikTok."""
    start, end = _ragged(dice, known)
    return Question(
        "revenue",
        start,
        end,
        _sometimes(dice, 0.6, SOURCES),
        interval=_sometimes(dice, 0.25, ("hour", *_LONG)),
        limit=_some_limit(dice),
        channel=known.some_channel(dice),
        currency=known.some_currency(dice),
    )


def one_campaign(dice: Random, known: Known) -> Question:
    """Sum the revenue of a campaign over any range; one campaign in ten does not exist."""
    start, end = _ragged(dice, known)
    there = dice.random() < 0.9
    return Question(
        "revenue",
        start,
        end,
        _sometimes(dice, 0.3, SOURCES),
        campaign_id=dice.choice(known.campaigns) if there else f"none-{dice.getrandbits(32)}",
        interval=_sometimes(dice, 0.25, ("hour", *_LONG)),
        channel=known.some_channel(dice),
        currency=known.some_currency(dice),
    )


def top_campaigns(dice: Random, known: Known) -> Question:
    """Find the top campaigns of nearly the whole time."""
    start, end = _nearly_all(dice, known)
    source = _sometimes(dice, 0.5, SOURCES[:1])
    return Question(
        "revenue",
        start,
        end,
        source,
        limit=dice.randint(1, 100),
        channel=known.some_channel(dice),
        currency=known.some_currency(dice),
    )


def all_users(dice: Random, known: Known) -> Question:
    """Describe all users, without bounds or with bounds that exclude nothing."""
    start = _sometimes(dice, 0.5, (known.start - _DAY,))
    return _users(dice, known, (start, _sometimes(dice, 0.5, (known.end + _DAY,))))


def users_of_a_month(dice: Random, known: Known) -> Question:
    """Describe the users of a calendar month."""
    start = _moment(dice, known).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return _users(dice, known, (start, (start + 31 * _DAY).replace(day=1)))


def users_of_a_day(dice: Random, known: Known) -> Question:
    """Describe the users of a day."""
    start = _moment(dice, known).replace(hour=0, minute=0, second=0, microsecond=0)
    return _users(dice, known, (start, start + _DAY))


def any_users(dice: Random, known: Known) -> Question:
    """Describe the users of any range."""
    return _users(dice, known, _ragged(dice, known))


def _users(dice: Random, known: Known, bounds: Bounds) -> Question:
    source = _sometimes(dice, 0.5, SOURCES)
    channel = known.some_channel(dice)
    return Question("demographics", *bounds, source, limit=_some_limit(dice), channel=channel)


def _some_limit(dice: Random) -> int | None:
    return _sometimes(dice, 0.7, range(1, 101))


def _filters(dice: Random) -> tuple[Any, Any, Any]:
    """Each of the three names of a kind, or none."""
    source, stage, name = dice.choice(_KINDS)
    return (
        _sometimes(dice, 0.4, (source,)),
        _sometimes(dice, 0.4, (stage,)),
        _sometimes(dice, 0.4, (name,)),
    )


def _sometimes(dice: Random, probability: float, options: Sequence[_T]) -> _T | None:
    return dice.choice(options) if dice.random() < probability else None


def _moment(dice: Random, known: Known) -> datetime:
    return known.start + dice.random() * (known.end - known.start)


def _nearly_all(dice: Random, known: Known) -> Bounds:
    """Exclude less than a hundredth at each end, or nothing there."""
    most = (known.end - known.start) / 100
    start, end = known.start + dice.random() * most, known.end - dice.random() * most
    return _sometimes(dice, 0.7, (start,)), _sometimes(dice, 0.7, (end,))


def _ragged(dice: Random, known: Known) -> Bounds:
    """Draw a range of any length from a second on, short and long ones equally often.

    One in ten is after all events; in others one or both bounds are missing.
    """
    longest = (known.end - known.start).total_seconds()
    length = timedelta(seconds=_SHORTEST_SECONDS * (longest / _SHORTEST_SECONDS) ** dice.random())
    start = _moment(dice, known) - length / 2
    if dice.random() < 0.1:
        start = known.end + _DAY
    start = _snapped(dice, start)
    bounds = start, max(_snapped(dice, start + length), start + _SECOND)
    return _sometimes(dice, 0.85, bounds[:1]), _sometimes(dice, 0.85, bounds[1:])


def _snapped(dice: Random, moment: datetime) -> datetime:
    """Cut a time to a whole second, minute, hour or day, or leave it as it is."""
    zero = {"microsecond": 0, "second": 0, "minute": 0, "hour": 0}
    units = dice.choice([0, 0, 0, 0, 1, 2, 3, 4])
    return moment.replace(**dict(list(zero.items())[:units]))  # type: ignore[arg-type]
