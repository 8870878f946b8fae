"""Exact numbers as reports show them; no number passes through a float before it is rounded."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from functools import reduce

_EXACT = Context(prec=1000, traps=[Inexact])


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Add without losing a digit; an empty sum is 0."""
    return reduce(_EXACT.add, amounts, Decimal(0))


def money(amount: Decimal) -> str:
    """Write an amount with all its decimals, and at least two."""
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def average_money(total: Decimal, count: int) -> str | None:
    """Divide, and round half-even to two decimals; None for an average of nothing."""
    if not count:
        return None
    cents = round(Fraction(total) / count * 100)
    return f"{cents // 100}.{cents % 100:02}"


def average(total: Decimal | int, count: int) -> float | None:
    """Divide, and round half-even to one decimal; None for an average of nothing."""
    return float(round(Fraction(total) / count, 1)) if count else None
