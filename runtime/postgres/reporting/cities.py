"""Find the cities with the most users in a period, exactly, without counting them all.

Most cities have one user. So the top cities of a long period are found in the order of
their users of all time: no city has more in a period. The first by name of all others
follow. For a short period it costs less to read its users.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from functions.reporter.figures import CityTally
from runtime.postgres.reporting.segments import Bound
from runtime.postgres.sql import load

ALL_USERS = load(__file__, "report_all_users")
ALL_CITIES = load(__file__, "report_all_cities")
CITIES = load(__file__, "report_cities")
CITY_SIZES = load(__file__, "report_city_sizes")
FIRST_CITIES = load(__file__, "report_first_cities")
LONG_CITIES = load(__file__, "report_long_cities")
SHARED_CITIES = load(__file__, "report_shared_cities")

_USER_COST: Final = 1.0
"""Of reading and grouping a user of a period: about a microsecond."""

_INDEX_ROW_COST: Final = 0.15
"""Of passing over a city in the key of ``user_cities``."""

_CITY_COST: Final = 3.0
"""Of counting a city in ``city_users``."""

_GROWTH: Final = 4
"""How many times as many cities are counted next if those up to here do not decide."""

_City = tuple[str, str]


async def top_cities(
    connection: PoolConnectionProxy, bounds: tuple[Bound, Bound], limit: int, users: list[Record]
) -> list[CityTally]:
    """Find the cities with the most users in a period.

    Args:
        connection: In a snapshot.
        bounds: The period.
        limit: At most so many.
        users: The rows of ``report_users`` for the same period.

    Returns:
        By number of users, then by country and city in order of code points.
    """
    found = [CityTally(*row) for row in await connection.fetch(LONG_CITIES, *bounds, limit)]
    if await connection.fetchval(ALL_USERS, *bounds):
        found += [CityTally(*row) for row in await connection.fetch(ALL_CITIES, limit)]
    else:
        found += await _top_of(connection, bounds, limit, users)
    return _top(found, limit)


async def _top_of(
    connection: PoolConnectionProxy, bounds: tuple[Bound, Bound], limit: int, users: list[Record]
) -> list[CityTally]:
    """Find the top cities of a part of all time; those with long names are left out."""
    returned = {
        (row["name"], row["city"]): row["number"] for row in users if row["figure"] == "shared_city"
    }
    new = sum(row["number"] for row in users if row["figure"] == "age")
    [sizes] = await connection.fetch(CITY_SIZES)
    if new * _USER_COST <= _search_cost(new, limit, *sizes):
        countries, cities = zip(*returned, strict=True) if returned else ((), ())
        rows = await connection.fetch(CITIES, *bounds, limit, countries, cities)
        counts = {(row["country"], row["city"]): row["users"] for row in rows}
    else:
        counts = await _search(connection, bounds, limit, returned)
    own = [CityTally(row["name"], row["city"], 1) for row in users if row["figure"] == "own_city"]
    return _top([*own, *_tallies(Counter(counts) + Counter(returned))], limit)


def _search_cost(new: float, limit: int, users: float, cities: float) -> float:
    """Estimate what ``_search`` costs.

    If one in n users is new in the period, n cities are passed over for each one found, and
    n * n cities of two users for one that both are new in.
    """
    one_in = max(1.0, users / max(1.0, new))
    return limit * one_in * _INDEX_ROW_COST + min(cities, limit * one_in * one_in) * _CITY_COST


async def _search(
    connection: PoolConnectionProxy,
    bounds: tuple[Bound, Bound],
    limit: int,
    returned: Mapping[_City, int],
) -> dict[_City, int]:
    """Count new users in enough cities to contain the top ones."""
    rows = await connection.fetch(FIRST_CITIES, *bounds, limit)
    counts = {(row["country"], row["city"]): row["users"] for row in rows}
    after: tuple[int, str, str] | tuple[None, None, None] = (None, None, None)
    chunk = limit
    while True:
        rows = await connection.fetch(SHARED_CITIES, *bounds, chunk, *after)
        counts |= {(row["country"], row["city"]): row["users"] for row in rows}
        if len(rows) < chunk:
            return counts
        last = CityTally(rows[-1]["country"], rows[-1]["city"], rows[-1]["all_users"])
        ranked = _top(_tallies(Counter(counts) + Counter(returned)), limit)
        if len(ranked) == limit and _rank(ranked[-1]) <= _rank(last):
            return counts
        after, chunk = (last.users, last.country, last.city), chunk * _GROWTH


def _tallies(counts: Mapping[_City, int]) -> Iterable[CityTally]:
    return (CityTally(*city, users) for city, users in counts.items())


def _top(cities: Iterable[CityTally], limit: int) -> list[CityTally]:
    return sorted(cities, key=_rank)[:limit]


def _rank(city: CityTally) -> tuple[int, str, str]:
    return -city.users, city.country, city.city
