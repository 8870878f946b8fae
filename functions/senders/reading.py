"""Read values as platforms write them: ids as numbers, money as text, times in seconds."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, Final

import msgspec

from functions.events.timestamps import UtcMoment
from functions.senders.adapting import Unmappable
from functions.senders.canonical import Amount, Currency

MAX_TEXT: Final = 200
_LARGEST_ID: Final = 10**40
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

MAX_VALUES: Final = 500_000
"""Each is an object of a hundred bytes in memory, however short its text is. A thousand events
with fifty articles each have half as many."""

_BEFORE_VALUES: Final = (b",", b"[", b"{")
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_AMOUNT_DIGITS: Final = 12
_STEP: Final = Decimal("0.000001")
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CURRENCY_LETTERS: Final = 3
_LATEST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999."""

_MOMENTS_KNOWN: Final = 1024
"""Parts of one delivery share their seconds."""

_MAX_SKEW: Final = timedelta(minutes=10)
"""How far a sender's clock may be ahead."""


class Unreadable(Exception):
    """The bytes are not JSON."""


def decode(raw: bytes | str) -> Any:
    """Decode JSON exactly: numbers with a point as ``Decimal``, integers of any usual size.

    Half of a surrogate pair, which is legal in JSON, becomes U+FFFD.

    Raises:
        Unreadable: It is not JSON in UTF-8, is nested too deeply, or has too many values.
    """
    text = (raw.encode() if isinstance(raw, str) else raw).removeprefix(_BYTE_ORDER_MARK)
    if sum(map(text.count, _BEFORE_VALUES)) > MAX_VALUES:
        raise Unreadable
    try:
        try:
            return _DECODER.decode(text)
        except msgspec.DecodeError:
            if b"\\u" not in text:
                raise
            return _DECODER.decode(_ESCAPES.sub(_mend, text))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreadable from error


def _mend(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def object_in(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside another one; an empty one if there is none."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def id_in(parent: Mapping[str, Any], name: str) -> str | None:
    """Return an id, which may be a number, as text; None if there is none that can be kept."""
    return to_id(parent.get(name))


def to_id(value: Any) -> str | None:
    """Return an id, which may be a number, as text; None if it can't be kept as one."""
    if type(value) is str:
        # Not printable: control characters, NUL among them.
        if 0 < len(value) <= MAX_TEXT and value.isprintable() and not value.isspace():
            return value
    elif type(value) is int and -_LARGEST_ID < value < _LARGEST_ID:
        return str(value)
    return None


def needed_id(parent: Mapping[str, Any], name: str, path: str = "") -> str:
    """Return an id as text.

    Raises:
        Unmappable: There is none that can be kept.
    """
    found = to_id(parent.get(name))
    if found is None:
        where = path + name
        raise Unmappable(where, "missing_id", "should be an id: printable text, or an integer")
    return found


def first_of(value: Any) -> str | None:
    """Return the first id of a list, or a single one, as text."""
    for each in value if isinstance(value, list) else (value,):
        if (found := to_id(each)) is not None:
            return found
    return None


def is_set(value: Any) -> bool:
    """Return whether an opt-out is set, as a boolean, a number or a text."""
    return value is True or value == 1 or (isinstance(value, str) and value.lower() == "true")


def moment_of(value: Any, path: str, *, units_a_second: int = 1) -> UtcMoment:
    """Read a Unix time, a whole number or its digits as text.

    Raises:
        Unmappable: It is none, or beyond the calendar.
    """
    is_digits = type(value) is str and value.isascii() and value.isdigit()
    if (is_digits and len(value) <= MAX_TEXT) or (isinstance(value, Decimal) and _is_small(value)):
        value = int(value)
    if type(value) is not int or not 0 < value <= _LATEST_SECOND * units_a_second:
        raise Unmappable(path, "unix_time", "should be a Unix time")
    seconds, rest = divmod(value, units_a_second)
    moment = _moment_at(seconds)
    return moment + timedelta(microseconds=rest * 1_000_000 // units_a_second) if rest else moment


@lru_cache(_MOMENTS_KNOWN)
def _moment_at(seconds: int) -> UtcMoment:
    return UtcMoment.fromtimestamp(seconds, UTC)


def _is_small(value: Decimal) -> bool:
    return value.is_finite() and 0 <= value < _LATEST_SECOND * 1000


def check_recent(moment: datetime, now: datetime, path: str, oldest: timedelta | None) -> None:
    """Check that a time is not in the future, and not older than the platform accepts.

    Raises:
        Unmappable: It is.
    """
    if moment > now + _MAX_SKEW:
        raise Unmappable(path, "future", "lies in the future: should be in seconds, not later")
    if oldest is not None and moment < now - oldest:
        message = f"is more than {oldest.days} days old, which the platform does not accept"
        raise Unmappable(path, "too_old", message)


def amount_of(value: Any, path: str) -> Amount | None:
    """Read an amount of money, a number or a text; rounded to six decimals.

    Returns:
        An exact decimal; None for none.

    Raises:
        Unmappable: It is not an amount, or it is too large.
    """
    if value is None or value == "":
        return None
    try:
        number = _decimal_of(value)
    except DecimalException:
        number = None
    if number is None or not number.is_finite():
        raise Unmappable(path, "amount", "should be a decimal number")
    if number and number.adjusted() >= _AMOUNT_DIGITS:
        raise Unmappable(path, "amount", f"may have {_AMOUNT_DIGITS} digits before the point")
    if number and number.adjusted() < -_AMOUNT_DIGITS:
        return "0"
    text = format(number.quantize(_STEP), "f").rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def _decimal_of(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value) if abs(value) < _LARGEST_ID else None
    if type(value) is str and value.isascii() and len(value) <= MAX_TEXT and "_" not in value:
        return Decimal(value.strip())
    return None


def currency_of(value: Any, path: str) -> Currency:
    """Read a currency's code, in any case.

    Raises:
        Unmappable: It is none.
    """
    code = value.strip().upper() if type(value) is str else ""
    if len(code) != _CURRENCY_LETTERS or not _LETTERS.issuperset(code):
        raise Unmappable(path, "currency", "should be a currency's three letters (ISO 4217)")
    return code


def money_in(parent: Mapping[str, Any], path: str) -> tuple[Amount | None, Currency | None]:
    """Read ``value`` and ``currency``, which stand together.

    Returns:
        Both, or two Nones if there is no amount.

    Raises:
        Unmappable: One of them can't be read.
    """
    amount = amount_of(parent.get("value"), f"{path}.value")
    if amount is None:
        return None, None
    return amount, currency_of(parent.get("currency"), f"{path}.currency")
