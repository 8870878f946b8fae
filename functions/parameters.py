"""Query parameters: texts in, values out, strictly, with every fault at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final, Literal, get_args

from functions.errors import Fault, Invalid
from functions.events import FUNNEL_STAGES, SOURCES, UNSPECIFIED
from functions.senders import CHANNELS, KINDS
from functions.zones import UTC_NAME, midnight, zone_of

Interval = Literal["minute", "hour", "day", "week", "month"]
"""The length of a bucket, by a zone's clock; a week starts on Monday."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open range of time, ``start <= t < end``, in UTC; None is no bound."""

    start: datetime | None
    end: datetime | None


MAX_LIMIT: Final = 100

Params = Sequence[tuple[str, str]]
"""Decoded names and values of a query, in order, with repeats."""

Values = Mapping[str, Any]
"""The values read, by parameter; missing parameters are left out."""

Parse = Callable[[str], Any]
"""Reads a text that is not empty, or raises ``Wrong``."""


class Wrong(Exception):
    """The text can't be the parameter's value.

    Attributes:
        code: The kind of fault; stable and machine-readable.
        message: A sentence for a person; never repeats the text.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_parameters(
    params: Params,
    known: Mapping[str, Parse],
    between: Callable[[Values], Sequence[Fault]] = lambda _values: (),
) -> Values:
    """Read a question's parameters.

    Args:
        params: As received.
        known: The accepted parameters, and how each is read.
        between: Finds the faults of parameters that do not go together,
            besides those of ``from`` and ``to``.

    Raises:
        Invalid: With every fault: first those of single parameters, in their
            order, then those of parameters that do not go together.
    """
    given: dict[str, list[str]] = {}
    for name, text in params:
        given.setdefault(name, []).append(text)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, texts in given.items():
        try:
            values[name] = _judge(texts, known.get(name))
        except Wrong as wrong:
            faults.append(Fault(_printable(name), wrong.code, wrong.message))
    zone = zone_of(values.get("timezone", UTC_NAME))
    for name in [name for name, value in values.items() if isinstance(value, _Midnight)]:
        try:
            values[name] = values[name].in_zone(zone)
        except Wrong as wrong:
            del values[name]
            faults.append(Fault(name, wrong.code, wrong.message))
    faults += [*_range_faults(values), *between(values)]
    if faults:
        raise Invalid(faults)
    return values


def period_of(values: Values) -> Period:
    """Return the period among the values read."""
    return Period(values.get("from"), values.get("to"))


def _judge(texts: Sequence[str], parse: Parse | None) -> Any:
    if parse is None:
        raise Wrong("unknown_parameter", "There is no such parameter")
    if len(texts) > 1:
        raise Wrong("repeated_parameter", "Should be given once")
    if not texts[0]:
        raise Wrong("empty", "Should not be empty")
    return parse(texts[0])


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _range_faults(values: Values) -> list[Fault]:
    period = period_of(values)
    if period.start is None or period.end is None or period.start < period.end:
        return []
    return [Fault("from", "range", "Should be before to")]


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# In a query, the + of an unescaped offset is decoded as a space.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"([Zz]|[+\- ]([01][0-9]|2[0-3]):[0-5][0-9])?"
)
_NOT_IN_UTC = "Should be in the years 1 to 9999 in UTC"
_LIMITS = {str(number): number for number in range(1, MAX_LIMIT + 1)}
_ALL_TYPES = tuple(dict.fromkeys(name for types in KINDS.values() for name in types))
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class _Midnight:
    """The beginning of a day; an instant once the zone is known.

    Attributes:
        day: None after the calendar's last day: nothing can lie beyond.
    """

    day: date | None

    def in_zone(self, zone: tzinfo) -> datetime | None:
        try:
            return None if self.day is None else midnight(self.day, zone)
        except OverflowError:
            raise Wrong("datetime_range", _NOT_IN_UTC) from None


def parse_start(text: str) -> Any:
    """Read a date-time, or the beginning of a date; UTC if no offset is given."""
    return _Midnight(_read_date(text)) if _DATE.fullmatch(text) else _read_moment(text)


def parse_end(text: str) -> Any:
    """Read a date-time, or the end of a date; ``read_parameters`` makes it an instant."""
    if not _DATE.fullmatch(text):
        return _read_moment(text)
    day = _read_date(text)
    return _Midnight(None if day == date.max else day + timedelta(days=1))


def parse_timezone(text: str) -> str:
    """Read the name of a time zone."""
    try:
        zone_of(text)
    except ValueError:
        message = "Should be the IANA name of a time zone, such as Europe/Kyiv"
        raise Wrong("unknown_timezone", message) from None
    return text


def parse_source(text: str) -> str:
    """Read a source, in any case of its ASCII letters."""
    # Unicode would lower-case the Kelvin sign to the k of facebook.
    return parse_choice(text.lower() if text.isascii() else text, SOURCES)


def parse_choice(text: str, choices: Sequence[str]) -> str:
    """Read one of a few words."""
    if text not in choices:
        raise Wrong("choice", f"Should be {' or '.join(choices)}")
    return text


def parse_currency(text: str) -> str:
    """Read a currency of ISO 4217, or the native format's, in any case of ASCII letters."""
    if text.isascii() and text.lower() == UNSPECIFIED:
        return UNSPECIFIED
    code = text.upper() if text.isascii() else text
    if not _CURRENCY.fullmatch(code):
        raise Wrong("currency", f"Should be a code of ISO 4217, such as EUR, or {UNSPECIFIED}")
    return code


def parse_flag(text: str) -> bool:
    """Read ``true`` or ``false``."""
    return parse_choice(text, ("true", "false")) == "true"


def parse_text(text: str) -> str:
    """Read any text that PostgreSQL can store."""
    if "\0" in text:
        raise Wrong("nul_character", "Should not contain a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Wrong("lone_surrogate", "Should not contain a lone surrogate")
    return text


def parse_limit(text: str) -> int:
    """Read a number in its one form: digits without sign or leading zero."""
    if text not in _LIMITS:
        raise Wrong("limit", f"Should be a whole number from 1 to {MAX_LIMIT}")
    return _LIMITS[text]


def _read_moment(text: str) -> datetime:
    if not _DATE_TIME.fullmatch(text):
        raise Wrong("datetime", "Should be an RFC 3339 date-time or a date")
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "+"))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise Wrong("datetime", "Should be a date that exists") from None
    except OverflowError:
        raise Wrong("datetime_range", _NOT_IN_UTC) from None


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Wrong("datetime", "Should be a date that exists") from None


parse_funnel_stage: Parse = partial(parse_choice, choices=FUNNEL_STAGES)
parse_event_type: Parse = partial(parse_choice, choices=_ALL_TYPES)
parse_channel: Parse = partial(parse_choice, choices=CHANNELS)
parse_interval: Parse = partial(parse_choice, choices=get_args(Interval))
