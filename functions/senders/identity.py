"""Identities: of records, from the platforms' own ids; of users, by the pepper."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.events import Source
from functions.senders.adapting import Unmappable
from functions.senders.canonical import UserKey
from functions.senders.reading import first_of

if TYPE_CHECKING:
    from hashlib import _Hash

_ID_BYTES: Final = 16
_KEY_CHARACTERS: Final = 32
_BLOCK: Final = 64
_PEPPERS_KNOWN: Final = 4
_ENCODER = msgspec.json.Encoder(order="deterministic")


def record_id(*names: str) -> str:
    """Derive a record's id from the names that identify it.

    Args:
        names: In order; the texts of senders may be anything.
    """
    # A length before each keeps two lists of names apart, whatever characters are in them.
    name = "".join([f"{len(each)}:{each}" for each in names])
    return blake2b(name.encode(), digest_size=_ID_BYTES).hexdigest()


def user_key(pepper: bytes, source: Source, user_id: str) -> UserKey:
    """Derive a user's key; without the pepper nobody can find out whose it is."""
    begin_inner, begin_outer = _keyed(pepper)
    inner, outer = begin_inner(), begin_outer()
    inner.update(f"{source}|{user_id}".encode())
    outer.update(inner.digest())
    return outer.hexdigest()[:_KEY_CHARACTERS]


def first_user_key(
    pepper: bytes, source: Source, user: Mapping[str, Any], names: Iterable[str]
) -> UserKey | None:
    """Derive the key of a user from the first field that names one; None if none does."""
    for name in names:
        if (found := first_of(user.get(name))) is not None:
            return user_key(pepper, source, found)
    return None


@lru_cache(_PEPPERS_KNOWN)
def _keyed(pepper: bytes) -> tuple[Callable[[], "_Hash"], Callable[[], "_Hash"]]:
    """Begin both hashes of HMAC-SHA256 (RFC 2104) once; ``hmac`` would begin them for each text."""
    key = (sha256(pepper).digest() if len(pepper) > _BLOCK else pepper).ljust(_BLOCK, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)
    return sha256(inner).copy, sha256(outer).copy


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
