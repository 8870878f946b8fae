"""Numbers and times, written the same in every language."""

from datetime import datetime
from decimal import Decimal
from typing import Final

NARROW: Final = "\u202f"
"""Between groups of digits; lines don't break there."""

_LONGEST: Final = 200

NOTHING: Final = "\N{EN DASH}"


def number(value: Decimal | float | str | None) -> str:
    """Write a number with its digits in groups; a dash for None."""
    if value is None:
        return NOTHING
    return f"{Decimal(str(value)):,f}".replace(",", NARROW).replace("-", "\N{MINUS SIGN}")


def shortened(text: str) -> str:
    """Shorten a sender's long text."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def percent(part: Decimal | float, whole: Decimal | float) -> str:
    """Write a share of a whole, without the percent sign."""
    return f"{100 * float(part) / float(whole):.1f}" if whole else "0.0"


def moment(at: datetime, *, seconds: bool = False) -> str:
    """Write a local time without its zone."""
    return at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M").rjust(16, "0")


def seconds_of(value: float) -> str:
    """Write a number of seconds, with more digits the smaller it is."""
    return number(f"{value:.3g}" if value < 1 else f"{value:.1f}".removesuffix(".0"))
