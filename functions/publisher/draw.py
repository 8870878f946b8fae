"""Random values; a few hundred nanoseconds each, because an event has a dozen."""

from random import Random
from typing import NamedTuple, TypeVar

from functions.events import EVENT_TYPES, FunnelStage, Source
from functions.publisher.tally import Counted, Kind
from functions.publisher.vocabulary import ALPHANUMERICS, PAIRS

_T = TypeVar("_T")


class Generated(NamedTuple):
    """One valid event as JSON, and its counts."""

    text: str
    counted: Counted


def pick(options: tuple[_T, ...], dice: Random) -> _T:
    """Draw one of several, each equally likely."""
    return options[int(dice.random() * len(options))]


def pick_number(least: int, most: int, dice: Random) -> int:
    """Draw an integer between the two, both included."""
    return least + int(dice.random() * (most - least + 1))


def draw_uuid(dice: Random) -> str:
    """Draw a UUID of version 4."""
    digits = f"{dice.getrandbits(120):030x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"


def draw_alphanumerics(count: int, dice: Random) -> str:
    """Draw a string of letters and digits."""
    pairs = "".join([pick(PAIRS, dice) for _ in range(count // 2)])
    return pairs + pick(ALPHANUMERICS, dice) if count % 2 else pairs


def draw_sale(event: Counted, least_cents: int, most_cents: int, dice: Random) -> Counted:
    """Draw an event's revenue between two amounts, both included."""
    return Counted(event.kind, pick_number(least_cents, most_cents, dice))


def write_amount(event: Counted) -> str:
    """Write the revenue of a sale as JSON."""
    return f'"{event.cents // 100}.{event.cents % 100:02d}"'


def kinds_of(source: Source, stage: FunnelStage) -> tuple[Counted, ...]:
    """List the kinds of a stage's events: its types, without a sale."""
    return tuple(Counted(Kind(source, stage, name), 0) for name in EVENT_TYPES[source, stage])
