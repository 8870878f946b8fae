"""Dead letters in groups: by reason and field, with the last days side by side."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from functions.messages import Reason
from functions.operator.answers import DeadLetterCount

DAYS: Final = 14


@dataclass(slots=True)
class Group:
    """Dead letters of one reason and field.

    Attributes:
        letters: Of all time.
        days: Those of each of the last days, the newest last.
    """

    reason: Reason
    field: str
    letters: int
    days: list[int]


def group(counts: Iterable[DeadLetterCount], today: date) -> list[Group]:
    """Put counts of days into groups, the largest first.

    Args:
        counts: One of a day, reason and field.
        today: The newest day; what is of later ones counts as of all time only.
    """
    groups: dict[tuple[str, str], Group] = {}
    first = today - timedelta(days=DAYS - 1)
    for count in counts:
        found = groups.setdefault(
            (count.reason, count.field), Group(count.reason, count.field, 0, [0] * DAYS)
        )
        found.letters += count.letters
        if first <= count.day <= today:
            found.days[(count.day - first).days] += count.letters
    return sorted(groups.values(), key=lambda it: (-it.letters, it.reason, it.field))
