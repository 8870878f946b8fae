"""The kept part of an input that can't be mapped: nothing that could be personal."""

import hmac
from collections.abc import Collection
from typing import Any, Final

import msgspec

from functions.senders.identity import canonical_text

_SHORT: Final = 64
_DIGEST_BYTES: Final = 16


def redact(part: Any, kept: Collection[str], pepper: bytes) -> bytes:
    """Write the part of an input that a dead letter keeps.

    Args:
        part: Decoded JSON, or bytes that are none.
        kept: Names of fields whose values are kept if they are short: an event's name or
            time, never a text that a user wrote, an id, or a user's attribute.
        pepper: The digest's, which tells parts apart and nothing about them.

    Returns:
        JSON: the kept fields, and the part's ``digest``.
    """
    raw = part if isinstance(part, bytes) else _raw(part)
    facts: dict[str, Any] = {"digest": hmac.digest(pepper, raw, "sha256")[:_DIGEST_BYTES].hex()}
    if isinstance(part, dict):
        facts |= {name: part[name] for name in kept if _is_plain(part.get(name))}
    return msgspec.json.encode(facts)


def _raw(part: Any) -> bytes:
    try:
        return canonical_text(part).encode()
    except RecursionError:
        return b"nested"


def _is_plain(value: Any) -> bool:
    """Return whether it is a short number or word: of letters, digits, dots and the like."""
    if type(value) is int:
        return abs(value) < 10**15
    return (
        type(value) is str
        and 0 < len(value) <= _SHORT
        and value.isascii()
        and value.replace("_", "").replace(".", "").replace("-", "").isalnum()
    )
