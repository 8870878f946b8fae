"""API keys: several at once, so that they can be changed without a gap; kept as digests only."""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token may be (RFC 6750, section 2.1)."""

_NAME_CHARACTERS = 6
"""Enough to tell a few keys apart, and of no use to who looks for one: sixteen million names,
for keys beyond number."""


class ApiKeys:
    """Keys of which any one opens; false when there are none.

    Args:
        keys: As they are sent.
    """

    __slots__ = ("_digests",)

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = frozenset(sha256(key.encode()).digest() for key in keys)

    @classmethod
    def read(cls, given: Any) -> "ApiKeys":
        """Read keys that are separated by commas, and keep their digests.

        Raises:
            PydanticCustomError: One is empty, or has a character that no header takes.
        """
        if isinstance(given, ApiKeys):
            return given
        text = given.get_secret_value() if isinstance(given, SecretStr) else str(given)
        keys = [key.strip() for key in text.split(",")]
        if not all(map(_KEY.fullmatch, keys)):
            raise PydanticCustomError(
                "api_keys",
                "Input should be keys, separated by commas, of letters, digits and - . _ ~ + /",
            )
        return cls(keys)

    def admit(self, key: bytes) -> str | None:
        """Let a key in that is one of them; takes as long whichever it is.

        Returns:
            What a log may call it: the first six characters of its SHA-256 in
            hexadecimal. None where it is none of them.
        """
        digest = sha256(key)
        found = [compare_digest(digest.digest(), known) for known in self._digests]
        return digest.hexdigest()[:_NAME_CHARACTERS] if any(found) else None

    def sign(self, key: bytes, message: bytes) -> bytes | None:
        """Sign a message by the digest of a key; None where it is none of them."""
        if not self.admit(key):
            return None
        return hmac.digest(sha256(key).digest(), message, "sha256")

    def signer(self, message: bytes, signature: bytes) -> str | None:
        """Tell by which key a message was signed; takes as long whichever it is.

        Returns:
            What a log may call the key, as of ``admit``; None where none of them
            has signed it.
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
