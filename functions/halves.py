"""Halving: how what can't be handled together is parted until the culprit is alone."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def halves(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Part items in two, in their order; of a single one the first half is empty."""
    middle = len(items) // 2
    return items[:middle], items[middle:]
