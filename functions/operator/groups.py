"""Group dead letters by reason and field, with the last days side by side."""

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
        days: The count of each of the last days, the newest last.
    """

    reason: Reason
    field: str
    letters: int
    days: list[int]


def group(counts: Iterable[DeadLetterCount], today: date) -> list[Group]:
    """Group the counts of days, the largest group first.

    Args:
        counts: Each of one day, reason and field.
        today: The newest day; later days count in the total only.
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
