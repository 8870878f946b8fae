import json
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

import pytest

from functions.events import Source
from functions.events.judging import judge
from tests.benchmarks.reports.comparing import differences
from tests.benchmarks.reports.year import END, START, Plan, Year

EVENTS = 4_000


def made(source: Source, **plan: Any) -> tuple[Year, list[bytes]]:
    year = Year(Plan(source, EVENTS, **plan))
    return year, list(chain(*year.batches(1_000)))


def users_of(events: list[bytes]) -> Iterator[tuple[str, Any]]:
    for event in events:
        user = json.loads(event)["data"]["user"]
        yield user.pop("userId"), user


@pytest.mark.parametrize("source", ["facebook", "tiktok"])
def test_a_year_is_valid_and_full(source: Source) -> None:
    _, events = made(source)

    moments = [judge(event).timestamp for event in events]

    assert len(moments) == EVENTS
    assert min(moments) >= START
    assert max(moments) < END
    assert {moment.month for moment in moments} == set(range(1, 13))


def test_the_same_plan_makes_the_same_bytes() -> None:
    assert made("facebook")[1] == made("facebook")[1]
    assert made("facebook")[1] != made("facebook", seed=2)[1]


def test_repeated_events_are_counted_once() -> None:
    year, events = made("tiktok", repeated=0.2)

    assert year.different == len(set(events))
    assert 0.75 * EVENTS < year.different < 0.85 * EVENTS


def test_somebody_comes_again_with_other_attributes() -> None:
    _, events = made("facebook", returning=0.2, repeated=0)

    users = list(users_of(events))

    times = Counter(user for user, _ in users)
    assert 0.75 * EVENTS < len(times) < 0.85 * EVENTS
    again = max(times, key=lambda user: times[user])
    assert len({str(attributes) for user, attributes in users if user == again}) == times[again]


def test_some_events_are_late_and_without_late_ones_all_are_in_order() -> None:
    _, late = made("facebook", late=0.1, repeated=0)
    _, punctual = made("facebook", late=0, repeated=0)

    assert 0.05 * EVENTS < disorders(late) < 0.15 * EVENTS
    assert disorders(punctual) == 0


def disorders(events: list[bytes]) -> int:
    moments = [judge(event).timestamp for event in events]
    return sum(later < earlier for earlier, later in pairwise(moments))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": [1, {"b": 2}]}, []),
        ({"a": [1, {"b": 3}]}, ["a[1].b is 3, should be 2"]),
        ({"a": [1]}, ["a is [1], should be [1, {'b': 2}]"]),
        ({}, [" is {}, should be {'a': [1, {'b': 2}]}"]),
    ],
)
def test_a_difference_says_where_it_is(found: Any, said: list[str]) -> None:
    assert list(differences(found, {"a": [1, {"b": 2}]})) == said
