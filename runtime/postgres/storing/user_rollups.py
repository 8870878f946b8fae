"""Rollups of new and changed users, and of watching, by hour, day and month."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from itertools import repeat
from typing import Final, NamedTuple

from functions.events.keys import deriving
from functions.events.rows import EventRow
from runtime.postgres.granularity import EPOCH, HOUR, START_OF, Granularity
from runtime.postgres.storing.users import User, UserChanges


class UserRollup(NamedTuple):
    """An addition to a rollup; the columns of ``user_rollups``, in its statement's order.

    Attributes:
        granularity: Its bucket's length.
        bucket: The bucket's first instant.
        figure: The attribute that is counted.
        name_key: Derived from the name.
        name: The attribute's value: an age, a gender, a country, ...
        number: Users, or events; negative where users have changed.
        total: The sum of their values; negative likewise.
        smallest: The least value of those added; None without any.
        largest: The greatest value of those added; None without any.
    """

    granularity: Granularity
    bucket: datetime
    figure: str
    name_key: bytes
    name: str
    number: int
    total: Decimal | int
    smallest: int | None
    largest: int | None


class LostSpread(NamedTuple):
    """Numbers of followers that a user no longer has.

    Attributes:
        bucket: The first instant of the bucket that counted them.
        name_key: Of the rollup that counted them.
        digits: How many digits they have.
        smallest: The least of them.
        largest: The greatest of them.
    """

    bucket: datetime
    name_key: bytes
    digits: int
    smallest: int
    largest: int


class CityRollup(NamedTuple):
    """An addition to a city; the columns of ``count_cities``.

    Attributes:
        users: Negative where they have moved.
        first_at: The first event of the one user who came, if that is all; otherwise None.
    """

    country: str
    city: str
    users: int
    first_at: datetime | None


class CityUser(NamedTuple):
    """A user of a city; the columns of ``city_users``."""

    country: str
    city: str
    first_at: datetime


class _Sums(NamedTuple):
    number: int
    total: Decimal | int = 0
    smallest: int | None = None
    largest: int | None = None


_NOTHING: Final = _Sums(0)

_UNKNOWN: Final[Mapping[str, Sequence[str]]] = {
    "facebook": ("unknown_age", "unknown_gender", "unknown_place"),
    "tiktok": ("unknown_followers",),
}

_Place = tuple[datetime, str, str]
"""Bucket, figure and name."""

_NumberedPlace = tuple[int, str, str]
"""Number of the hour, figure and name."""

_name_key = deriving(b"name\0")

_MOST_CHARACTERS: Final = 100
"""Of the names in ``user_cities``; reports count the users of cities with longer ones."""

_EXACT: Final = Context(prec=1000)
"""Enough for the sum of the largest and the smallest double."""

_SIGNIFICANT_DIGITS: Final = 15
"""How many digits PostgreSQL keeps when it casts a double to numeric."""


def user_rollups(changes: UserChanges, rows: Sequence[EventRow]) -> list[UserRollup]:
    """Count users and watching by hour, day and month; one addition for each rollup.

    Args:
        changes: New and changed users.
        rows: The new events.
    """
    numbered = _facebook(changes) | _tiktok(changes) | _watched(rows)
    hours = {
        (EPOCH + hour * HOUR, figure, name): sums
        for (hour, figure, name), sums in numbered.items()
        if sums != _NOTHING
    }
    days = _folded(hours, "day")
    months = _folded(days, "month")
    return [*_listed("hour", hours), *_listed("day", days), *_listed("month", months)]


def lost_spreads(changes: UserChanges, granularity: Granularity) -> list[LostSpread]:
    """List the followers that users no longer have, in the buckets that counted them, each once."""
    lost: defaultdict[tuple[datetime, int], list[int]] = defaultdict(list)
    for before, _ in _moved(changes, granularity):
        lost[START_OF[granularity](before.first_at), _digits(before)].append(before.followers or 0)
    return [
        LostSpread(bucket, name_key(str(digits)), digits, min(given_up), max(given_up))
        for (bucket, digits), given_up in lost.items()
    ]


def city_rollups(
    changes: UserChanges,
) -> tuple[list[CityRollup], list[CityUser], list[CityUser]]:
    """Count users by city.

    Returns:
        One addition for each city; the users who came to those without a ``first_at``; and
        the users who left theirs.
    """
    moved = [(before, after) for before, after in changes.changed if _home(before) != _home(after)]
    left = [it for it in map(_home, (before for before, _ in moved)) if it]
    came = [it for it in map(_home, (*changes.new, *(after for _, after in moved))) if it]
    users = Counter((country, city) for country, city, _ in came)
    several = {it for it, number in users.items() if number > 1}
    several.update((country, city) for country, city, _ in left)
    users.subtract((country, city) for country, city, _ in left)
    alone = {(it.country, it.city): it.first_at for it in came}
    cities = [
        CityRollup(*city, number, None if city in several else alone[city])
        for city, number in users.items()
    ]
    return cities, [it for it in came if (it.country, it.city) in several], left


def _home(user: User) -> CityUser | None:
    """Return where a user is counted; None for an unknown place or a long name."""
    country, city = user.country, user.city
    if country is None or city is None or max(len(country), len(city)) > _MOST_CHARACTERS:
        return None
    return CityUser(country, city, user.first_at)


def name_key(name: str) -> bytes:
    """Derive the key of a name within a figure."""
    return _name_key(name.encode())


def _hour(moment: datetime) -> int:
    """Number the hours: integers are made and compared several times as fast as datetimes."""
    return (moment - EPOCH) // HOUR


def _facebook(changes: UserChanges) -> dict[_NumberedPlace, _Sums]:
    """Count Facebook users by attribute, and users of both sources without any."""
    counts = _counted(changes.new)
    counts.subtract(_counted([*changes.gone, *(before for before, _ in changes.changed)]))
    counts.update(_counted([after for _, after in changes.changed]))
    return {place: _Sums(number) for place, number in counts.items()}


def _counted(users: Sequence[User]) -> Counter[_NumberedPlace]:
    theirs = [user for user in users if user.age is not None]
    hours = [_hour(user.first_at) for user in theirs]
    counts = Counter(zip(hours, repeat("age"), [str(user.age) for user in theirs]))
    counts.update(zip(hours, repeat("gender"), [str(user.gender) for user in theirs]))
    counts.update(zip(hours, repeat("country"), [str(user.country) for user in theirs]))
    # Attributes come natively and together: of other users none is known.
    unknown = [user for user in users if user.age is None and user.followers is None]
    for user in unknown:
        hour = _hour(user.first_at)
        counts.update((hour, figure, "") for figure in _UNKNOWN[user.source])
    return counts


def _tiktok(changes: UserChanges) -> dict[_NumberedPlace, _Sums]:
    """Sum the followers of TikTok users by number of digits."""
    moved = list(_moved(changes, "hour"))
    figures = _followers([*changes.new, *(after for _, after in moved)])
    for place, gone in _followers([before for before, _ in moved]).items():
        added = figures.get(place, _NOTHING)
        figures[place] = added._replace(
            number=added.number - gone.number, total=_EXACT.subtract(added.total, gone.total)
        )
    return figures


def _followers(users: Iterable[User]) -> dict[_NumberedPlace, _Sums]:
    followers: defaultdict[_NumberedPlace, list[int]] = defaultdict(list)
    for user in users:
        if user.followers is not None:
            place = (_hour(user.first_at), "followers", str(_digits(user)))
            followers[place].append(user.followers)
    return {
        place: _Sums(len(each), sum(each), min(each), max(each))
        for place, each in followers.items()
    }


def _moved(changes: UserChanges, granularity: Granularity) -> Iterator[tuple[User, User]]:
    """Yield the TikTok users whose bucket or attributes have changed."""
    start_of = START_OF[granularity]
    for before, after in changes.changed:
        if before.followers is not None and (
            before.followers != after.followers
            or start_of(before.first_at) != start_of(after.first_at)
        ):
            yield before, after


def _digits(user: User) -> int:
    return len(str(user.followers))


def _watched(rows: Iterable[EventRow]) -> dict[_NumberedPlace, _Sums]:
    """Count and sum watching."""
    seen = [row for row in rows if row.watch_seconds is not None]
    hours = [_hour(row.occurred_at) for row in seen]
    counts = Counter(zip(hours, repeat("watch_country"), [str(row.watch_country) for row in seen]))
    counts.update(zip(hours, repeat("watch_device"), [str(row.watch_device) for row in seen]))
    figures = {place: _Sums(number) for place, number in counts.items()}
    seconds = Counter(zip(hours, repeat("watch_seconds"), [row.watch_seconds for row in seen]))
    percentages = Counter(
        zip(hours, repeat("watch_percentage"), [row.percentage_watched for row in seen])
    )
    for (hour, figure, value), number in [*seconds.items(), *percentages.items()]:
        place, total = (hour, figure, ""), _EXACT.multiply(_decimal(value or 0.0), number)
        figures[place] = _sum(figures.get(place, _NOTHING), _Sums(number, total))
    return figures


def _decimal(value: float) -> Decimal:
    """Convert a double as PostgreSQL does, so that both add up to the same."""
    return Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _folded(figures: Mapping[_Place, _Sums], granularity: Granularity) -> dict[_Place, _Sums]:
    folded: dict[_Place, _Sums] = {}
    for (bucket, figure, name), sums in figures.items():
        place = (START_OF[granularity](bucket), figure, name)
        known = folded.get(place)
        folded[place] = _sum(known, sums) if known else sums
    return folded


def _sum(one: _Sums, other: _Sums) -> _Sums:
    return _Sums(
        one.number + other.number,
        _EXACT.add(one.total, other.total),
        min((each for each in (one.smallest, other.smallest) if each is not None), default=None),
        max((each for each in (one.largest, other.largest) if each is not None), default=None),
    )


def _listed(granularity: Granularity, figures: Mapping[_Place, _Sums]) -> Iterator[UserRollup]:
    keys = {name: name_key(name) for _, _, name in figures}
    for (bucket, figure, name), sums in figures.items():
        yield UserRollup(granularity, bucket, figure, keys[name], name, *sums)
