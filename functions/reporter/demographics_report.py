"""The demographics report: its question, its answer, and the way from one to the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Protocol, get_args

from pydantic import Field

from functions.json_model import JsonModel
from functions.parameters import Params, Period, parse_limit, period_of, read_parameters
from functions.reporter.figures import (
    CityTally,
    FacebookUsers,
    NameTally,
    Spread,
    TiktokUsers,
    UserFigures,
    Watching,
)
from functions.reporter.filters import (
    CHANNELED,
    DEFAULT_LIMIT,
    ChannelFilters,
    Limit,
    Number,
    Question,
    Report,
    ReportType,
    filters_of,
)
from functions.reporter.rounding import average
from functions.tables import Row, write_csv

_DEMOGRAPHICS = {**CHANNELED, "limit": parse_limit}


@dataclass(frozen=True, slots=True)
class DemographicsQuestion(Question):
    """The question of the demographics report. None is no filter.

    Attributes:
        limit: Maximum number of names in each list.
    """

    limit: int = DEFAULT_LIMIT


def parse_demographics_question(params: Params) -> DemographicsQuestion:
    """Read the question of ``/reports/demographics``; raises as ``parse_events_question``."""
    values = read_parameters(params, _DEMOGRAPHICS)
    return DemographicsQuestion(
        period_of(values),
        source=values.get("source"),
        limit=values.get("limit", DEFAULT_LIMIT),
        timezone=values.get("timezone"),
        channel=values.get("channel"),
    )


Average = Annotated[float, Field(ge=0, description="Rounded half-even to one decimal.")]
AgeRange = Literal["0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"]
FollowerRange = Literal["0-999", "1000-9999", "10000-99999", "100000-999999", "1000000+"]


class DemographicsFilters(ChannelFilters):
    """The filters of the demographics report."""

    limit: Limit


class AgeUsers(JsonModel):
    """Users with an age in a range."""

    range: AgeRange
    users: Number


class GenderUsers(JsonModel):
    """Users of a gender."""

    gender: Literal["male", "female", "non-binary"]
    users: Number


class CountryUsers(JsonModel):
    """Users who live in a country."""

    country: str
    users: Number


class CityUsers(JsonModel):
    """Users who live in a city."""

    country: str
    city: str
    users: Number


class UnknownUsers(JsonModel):
    """Users with an unknown attribute; they are in no list of it."""

    age: Number
    gender: Number
    place: Number


class FacebookDemographics(JsonModel):
    """The demographics of Facebook users."""

    users: Number
    average_age: Average | None
    age: tuple[AgeUsers, ...] = Field(description="Every range, youngest first.")
    gender: tuple[GenderUsers, ...]
    countries: tuple[CountryUsers, ...] = Field(max_length=100)
    cities: tuple[CityUsers, ...] = Field(max_length=100)
    unknown: UnknownUsers


class Followers(JsonModel):
    """The numbers of followers that users have."""

    average: Average | None
    min: Number | None
    max: Number | None


class FollowerUsers(JsonModel):
    """Users with a number of followers in a range."""

    range: FollowerRange
    users: Number


class CountryEvents(JsonModel):
    """Top-of-funnel events from a country."""

    country: str
    events: Number


class DeviceEvents(JsonModel):
    """Top-of-funnel events from a device."""

    device: Literal["Android", "iOS", "Desktop"]
    events: Number


class UnknownFollowers(JsonModel):
    """Users for whom it is unknown; they are in no range."""

    followers: Number


class TiktokDemographics(JsonModel):
    """The demographics of TikTok users."""

    users: Number
    followers: Followers
    follower_ranges: tuple[FollowerUsers, ...] = Field(description="Every range, fewest first.")
    countries: tuple[CountryEvents, ...] = Field(max_length=100)
    devices: tuple[DeviceEvents, ...]
    average_watch_time: Average | None = Field(description="Seconds.")
    average_percentage_watched: Average | None
    unknown: UnknownFollowers


class DemographicsReport(Report):
    """The demographics of users; a source that is filtered out is null."""

    filters: DemographicsFilters
    total_users: Number
    facebook: FacebookDemographics | None
    tiktok: TiktokDemographics | None


AGE_EDGES: Final = (18, 25, 35, 45, 55, 65)
"""Where a new range of ages starts."""

FOLLOWER_EDGES: Final = (1_000, 10_000, 100_000, 1_000_000)
"""Where a new range of followers starts."""


class UsersReader(Protocol):
    """Where users are described; see ``Reports``."""

    async def describe_users(self, question: DemographicsQuestion) -> UserFigures:
        """Describe the distinct users with an event in a period, each once.

        A user is a source and its user id, with the attributes of the user's newest
        event, in the period or after it; of two at the same time, the greater id.
        Ranges are those between ``AGE_EDGES``
        and ``FOLLOWER_EDGES``.

        Args:
            question: Which users, by their events' own time.
        """


async def handle_demographics(params: Params, *, reports: UsersReader) -> DemographicsReport:
    """Describe users; arguments, result and errors as ``handle_events``."""
    question = parse_demographics_question(params)
    return shape(question, await reports.describe_users(question))


def shape(question: DemographicsQuestion, figures: UserFigures) -> DemographicsReport:
    """Make the report; a source that is filtered out is None."""
    facebook = _facebook(figures.facebook) if question.source in (None, "facebook") else None
    tiktok = _tiktok(figures.tiktok) if question.source in (None, "tiktok") else None
    return DemographicsReport(
        filters=DemographicsFilters(**filters_of(question)),
        total_users=sum(users.users for users in (facebook, tiktok) if users),
        facebook=facebook,
        tiktok=tiktok,
    )


def _facebook(found: FacebookUsers) -> FacebookDemographics:
    return FacebookDemographics(
        users=_users(found.ages) + found.unknown.age,
        average_age=_average(found.ages),
        age=tuple(
            AgeUsers(range=label, users=users)
            for label, users in _ranges(found.ages, get_args(AgeRange))
        ),
        gender=tuple(GenderUsers(gender=name, users=users) for name, users in found.genders),
        countries=tuple(CountryUsers(country=name, users=users) for name, users in found.countries),
        cities=tuple(
            CityUsers(country=country, city=city, users=users)
            for country, city, users in found.cities
        ),
        unknown=UnknownUsers(**found.unknown._asdict()),
    )


def _tiktok(found: TiktokUsers) -> TiktokDemographics:
    return TiktokDemographics(
        users=_users(found.followers) + found.unknown_followers,
        followers=_followers(found.followers),
        follower_ranges=tuple(
            FollowerUsers(range=label, users=users)
            for label, users in _ranges(found.followers, get_args(FollowerRange))
        ),
        countries=tuple(
            CountryEvents(country=name, events=events) for name, events in found.countries
        ),
        devices=tuple(DeviceEvents(device=name, events=events) for name, events in found.devices),
        average_watch_time=average(found.watching.seconds, found.watching.events),
        average_percentage_watched=average(found.watching.percentages, found.watching.events),
        unknown=UnknownFollowers(followers=found.unknown_followers),
    )


def _followers(spreads: Sequence[Spread]) -> Followers:
    return Followers(
        average=_average(spreads),
        min=min((spread.smallest for spread in spreads), default=None),
        max=max((spread.largest for spread in spreads), default=None),
    )


def _users(spreads: Sequence[Spread]) -> int:
    return sum(spread.users for spread in spreads)


def _average(spreads: Sequence[Spread]) -> float | None:
    return average(sum(spread.total for spread in spreads), _users(spreads))


def _ranges(spreads: Sequence[Spread], labels: Sequence[str]) -> Iterator[tuple[str, int]]:
    users = {spread.range: spread.users for spread in spreads}
    return ((label, users.get(place, 0)) for place, label in enumerate(labels))


_COLUMNS: Final = (
    "source",
    "list",
    "range",
    "gender",
    "country",
    "city",
    "device",
    "users",
    "events",
)
"""Of all lists, which are one table: ``list`` is the name of a row's list."""


def to_csv(report: DemographicsReport) -> bytes:
    """Write all lists, one below the other."""
    return write_csv(_COLUMNS, _rows(report))


def _rows(report: DemographicsReport) -> Iterator[Row]:
    for source, people in (("facebook", report.facebook), ("tiktok", report.tiktok)):
        if people is None:
            continue
        for name, rows in people.model_dump(mode="json").items():
            if isinstance(rows, list):
                yield from ({"source": source, "list": name, **row} for row in rows)


def example() -> DemographicsReport:
    """Show users of two sources."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    facebook = FacebookUsers(
        [Spread(1, 4, 84, 19, 24), Spread(2, 5, 152, 27, 33)],
        [NameTally("female", 5), NameTally("male", 4)],
        [NameTally("Ukraine", 9)],
        [CityTally("Ukraine", "Kyiv", 7), CityTally("Ukraine", "Lviv", 2)],
    )
    tiktok = TiktokUsers(
        [Spread(1, 2, 9000, 1200, 7800), Spread(3, 1, 250000, 250000, 250000)],
        [NameTally("Japan", 3)],
        [NameTally("iOS", 2), NameTally("Android", 1)],
        Watching(3, Decimal("183.9"), Decimal(144)),
    )
    question = DemographicsQuestion(Period(first, first.replace(month=2)))
    return shape(question, UserFigures(facebook, tiktok))


DEMOGRAPHICS: Final = ReportType(
    "demographics",
    "Describe users",
    DemographicsReport,
    handle_demographics,
    to_csv,
    "All lists, one below the other. `source` and `list` say which list a row belongs to; columns "
    "that this list does not have are empty.",
    example,
)
