"""Signatures: HMAC-SHA256 over the raw bytes, compared in constant time with each secret."""

import hmac
from collections.abc import Sequence

from functions.senders.adapting import BadProof

_HEX_CHARACTERS = 64


def check_hex(secrets: Sequence[bytes], given: str, *message: bytes) -> int:
    """Check a signature in hexadecimal.

    Args:
        secrets: Newest first.
        given: The signature as received: any text.
        message: The signed bytes, in parts.

    Returns:
        Which of the secrets made it, 0 for the newest.

    Raises:
        BadProof: None did.
    """
    if not given:
        raise BadProof("missing")
    if len(given) != _HEX_CHARACTERS or not given.isascii():
        raise BadProof("malformed")
    expected = given.lower().encode()
    signatures = [_sign(secret, message).hex().encode() for secret in secrets]
    return matching(signatures, [expected])


def check_raw(secrets: Sequence[bytes], given: Sequence[bytes], *message: bytes) -> int:
    """Check signatures of which one has to be right; see ``check_hex``."""
    return matching([_sign(secret, message) for secret in secrets], given)


def matching(signatures: Sequence[bytes], given: Sequence[bytes]) -> int:
    """Return the first of our signatures that was given, in time that does not reveal which.

    Raises:
        BadProof: None was.
    """
    found = [
        any([hmac.compare_digest(signature, each) for each in given])  # noqa: C419 - compares all
        for signature in signatures
    ]
    if True not in found:
        raise BadProof("mismatch")
    return found.index(True)


def _sign(secret: bytes, message: Sequence[bytes]) -> bytes:
    digest = hmac.new(secret, digestmod="sha256")
    for part in message:
        digest.update(part)
    return digest.digest()
