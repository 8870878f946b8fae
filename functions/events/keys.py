"""Keys derived from names: the same thing has the same key, wherever it is derived."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

_KEY_BYTES: Final = 16
_UUID_BITS: Final = 0x8 << 76 | 0x2 << 62
"""Version 8 and the variant of RFC 9562."""

_OPEN_BITS: Final = (1 << 128) - 1 & ~(0xF << 76 | 0x3 << 62)


def deriving(domain: bytes) -> Callable[[bytes], bytes]:
    """Return a key function for one kind of thing; the prefix is hashed once.

    Args:
        domain: The prefix of the names.

    Returns:
        ``derive_key`` for the rest of a name.
    """
    begin = blake2b(domain, digest_size=_KEY_BYTES).copy
    to_number = int.from_bytes

    def derive(rest: bytes) -> bytes:
        digest = begin()
        digest.update(rest)
        number = to_number(digest.digest())
        return (number & _OPEN_BITS | _UUID_BITS).to_bytes(_KEY_BYTES)

    return derive


def derive_key(name: bytes) -> bytes:
    """Derive a key from a name: the 16 bytes of a UUID of version 8 (RFC 9562).

    The digest is BLAKE2b: nobody can make two names with the same key, and so
    hide one thing behind another.

    Args:
        name: Any bytes; the caller separates its fields unambiguously.
    """
    return deriving(b"")(name)
