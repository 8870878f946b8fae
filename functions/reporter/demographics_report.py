"""The demographics report: figures in, the answer out."""

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from functions.ports import FacebookUsers, Spread, TiktokUsers, UserFigures
from functions.reporter.answers import (
    AgeRange,
    AgeUsers,
    CityUsers,
    CountryEvents,
    CountryUsers,
    DemographicsFilters,
    DemographicsReport,
    DeviceEvents,
    FacebookDemographics,
    FollowerRange,
    Followers,
    FollowerUsers,
    GenderUsers,
    TiktokDemographics,
)
from functions.reporter.questions import DemographicsQuestion, filters_of
from functions.reporter.rounding import average

AGE_EDGES: Final = (18, 25, 35, 45, 55, 65)
FOLLOWER_EDGES: Final = (1_000, 10_000, 100_000, 1_000_000)


def shape(question: DemographicsQuestion, figures: UserFigures) -> DemographicsReport:
    """Put users into words; a source that is filtered out is None."""
    facebook = None if question.source == "tiktok" else _facebook(figures.facebook)
    tiktok = None if question.source == "facebook" else _tiktok(figures.tiktok)
    return DemographicsReport(
        filters=DemographicsFilters(**filters_of(question)),
        total_users=sum(users.users for users in (facebook, tiktok) if users),
        facebook=facebook,
        tiktok=tiktok,
    )


def _facebook(found: FacebookUsers) -> FacebookDemographics:
    return FacebookDemographics(
        users=_users(found.ages),
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
    )


def _tiktok(found: TiktokUsers) -> TiktokDemographics:
    return TiktokDemographics(
        users=_users(found.followers),
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
