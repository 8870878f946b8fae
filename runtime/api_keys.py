"""API keys: several at once, so that they can be changed without a gap; stored as digests only."""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The allowed form of a bearer token (RFC 6750, section 2.1)."""

_NAME_CHARACTERS = 6
"""Enough to tell a few keys apart, and useless for guessing one: sixteen million names, for an
endless number of keys."""


class ApiKeys:
    """A set of keys, any of which is accepted; falsy when it is empty.

    Args:
        keys: In clear text.
    """

    __slots__ = ("_digests",)

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = frozenset(sha256(key.encode()).digest() for key in keys)

    @classmethod
    def read(cls, given: Any) -> "ApiKeys":
        """Read comma-separated keys, and keep their digests.

        Raises:
            PydanticCustomError: One is empty, or has a character not allowed in a header.
        """
        if isinstance(given, ApiKeys):
            return given
        text = given.get_secret_value() if isinstance(given, SecretStr) else str(given)
        keys = [key.strip() for key in text.split(",")]
        if not all(map(_KEY.fullmatch, keys)):
            raise PydanticCustomError(
                "api_keys",
                "Input should be keys separated by commas; a key has letters, digits and - . _ ~ "
                "+ /",
            )
        return cls(keys)

    def admit(self, key: bytes) -> str | None:
        """Check a key, in constant time.

        Returns:
            Its name for logs: the first six characters of its SHA-256 in
            hexadecimal. None if it is not one of these keys.
        """
        digest = sha256(key)
        found = [compare_digest(digest.digest(), known) for known in self._digests]
        return digest.hexdigest()[:_NAME_CHARACTERS] if any(found) else None

    def sign(self, key: bytes, message: bytes) -> bytes | None:
        """Sign a message with the digest of a key; None if it is not one of these keys."""
        if not self.admit(key):
            return None
        return hmac.digest(sha256(key).digest(), message, "sha256")

    def signer(self, message: bytes, signature: bytes) -> str | None:
        """Find the key that signed a message, in constant time.

        Returns:
            The key's name for logs, as ``admit`` gives it; None if none of these
            keys signed it.
        """
        signers = [
            known.hex()[:_NAME_CHARACTERS]
            for known in self._digests
            if compare_digest(hmac.digest(known, message, "sha256"), signature)
        ]
        return signers[0] if signers else None

    def __or__(self, others: "ApiKeys") -> "ApiKeys":
        both = ApiKeys()
        both._digests = self._digests | others._digests
        return both

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"<{len(self._digests)} keys>"
