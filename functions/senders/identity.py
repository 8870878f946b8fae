"""Identities: of records, from the platforms' own ids; of users, by the pepper."""

import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from functions.events import Source
from functions.events.keys import deriving
from functions.senders.adapting import Unmappable
from functions.senders.canonical import UserKey

_derive = deriving(b"sender\0")
_ENCODER = msgspec.json.Encoder(order="deterministic")


def record_id(*names: str) -> str:
    """Derive a record's id, which looks like a UUID, from the names that make it what it is.

    Args:
        names: In order; the texts of senders may be anything.
    """
    # A length before each keeps two lists of names apart, whatever characters are in them.
    name = "".join([f"{len(each)}:{each}" for each in names])
    digits = _derive(name.encode()).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def user_key(pepper: bytes, source: Source, user_id: str) -> UserKey:
    """Derive a user's key; nobody without the pepper can tell whose it is."""
    digest = hmac.digest(pepper, f"{source}|{user_id}".encode(), "sha256")
    return digest[:16].hex()


def sender_id(event: Mapping[str, Any], name: str) -> str | None:
    """Return the sender's own id of an event, of any length; None if it has none.

    Raises:
        Unmappable: It is neither text nor an integer.
    """
    value = event.get(name)
    if value is None or value == "":
        return None
    if type(value) is str:
        return value
    if type(value) is int:
        return hex(value) if abs(value) > 10**100 else str(value)
    raise Unmappable(name, "event_id", "should be text or an integer")


def digest_without(event: Mapping[str, Any], personal: str) -> str:
    """Derive the identity of an event that has no id: from all of it but its user's data.

    Raises:
        Unmappable: It is nested too deeply.
    """
    rest = {key: value for key, value in event.items() if key not in (personal, "event_id")}
    try:
        return record_id("digest", canonical_text(rest))
    except RecursionError as error:
        raise Unmappable("", "nested", "is nested too deeply") from error


def canonical_text(value: Any) -> str:
    """Write decoded JSON so that equal values are equal texts."""
    try:
        return _ENCODER.encode(value).decode()
    except OverflowError:  # an integer beyond 64 bits
        return repr(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    return [_sorted(each) for each in value] if isinstance(value, list) else value
