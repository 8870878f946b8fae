"""A year of one source's events, roughly in the order of time, as a platform would send them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from functions.events import Source
from functions.publisher.draw import Generated
from functions.publisher.facebook import facebook_bottom, facebook_top
from functions.publisher.tiktok import tiktok_bottom, tiktok_top

_T = TypeVar("_T")

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)

_GENERATORS: Mapping[Source, Sequence[Callable[[Random, str], Generated]]] = {
    "facebook": (facebook_top, facebook_bottom),
    "tiktok": (tiktok_top, tiktok_bottom),
}
_MEAN_DELAY = timedelta(hours=6)
_USER_ID = '"userId":"'
_UUID_CHARACTERS = 36
_USERS = 50_000
_USERS_KEPT_ONE_IN = 8
"""Returning users are drawn from so many; some return within some hundred thousand events."""
_RECENT = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """Events of one source to make.

    Attributes:
        source: The platform.
        events: How many, including repeated ones.
        seed: The same gives the same events, byte for byte.
        late: Share that is sent hours later.
        returning: Share by a known user, with other attributes.
        repeated: Share that is an earlier event once more.
    """

    source: Source
    events: int
    seed: int = 1
    late: float = 0.02
    returning: float = 0.05
    repeated: float = 0.01


class Year:
    """The events of a plan, made one after another.

    Attributes:
        different: How many distinct events were made so far.
    """

    def __init__(self, plan: Plan) -> None:
        self.different = 0
        self._plan = plan
        self._dice = Random(f"{plan.seed}/{plan.source}")
        self._step = (END - START) / plan.events
        self._users: list[str] = []
        self._recent: list[bytes] = []

    def batches(self, size: int) -> Iterator[list[bytes]]:
        """Return the events, so many at a time, the last time fewer; each as JSON."""
        for first in range(0, self._plan.events, size):
            places = range(first, min(first + size, self._plan.events))
            yield [self._event(place) for place in places]

    def _event(self, place: int) -> bytes:
        dice = self._dice
        if self._recent and dice.random() < self._plan.repeated:
            return dice.choice(self._recent)
        self.different += 1
        make = dice.choice(_GENERATORS[self._plan.source])
        event = self._by_whom(make(dice, self._when(place)).text).encode()
        _keep(self._recent, event, _RECENT, dice)
        return event

    def _when(self, place: int) -> str:
        moment = START + place * self._step
        if self._dice.random() < self._plan.late:
            moment = max(START, moment - self._dice.expovariate(1) * _MEAN_DELAY)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _by_whom(self, text: str) -> str:
        dice, start = self._dice, text.index(_USER_ID) + len(_USER_ID)
        user = text[start : start + _UUID_CHARACTERS]
        if self._users and dice.random() < self._plan.returning:
            return text.replace(user, dice.choice(self._users))
        if len(self._users) < _USERS or dice.random() * _USERS_KEPT_ONE_IN < 1:
            _keep(self._users, user, _USERS, dice)
        return text


def _keep(kept: list[_T], one: _T, most: int, dice: Random) -> None:
    """Add one; it replaces a random one when there are so many."""
    if len(kept) < most:
        kept.append(one)
    else:
        kept[int(dice.random() * most)] = one
