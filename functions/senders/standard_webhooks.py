"""Signatures of Standard Webhooks 1.0, by which native events may be sent without a key."""

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from functions.senders.adapting import BadProof, Headers
from functions.senders.proofs import check_raw

SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"

_TOLERANCE_SECONDS: Final = 300
"""How far the sender's clock may differ, as in the standard's own libraries."""

_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_MAX_SIGNATURES: Final = 10
_LONGEST: Final = 200
_VERSION: Final = "v1,"


def check_signature(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> int:
    """Check a request's signature.

    Args:
        headers: The request's.
        body: The signed body, uncompressed.
        secrets: Decoded, newest first.
        now: When it arrived.

    Returns:
        Which of the secrets made it, 0 for the newest.

    Raises:
        BadProof: None did, or too long ago.
    """
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = _signatures_in(headers.get(SIGNATURE, ""))
    if not name or not given or not _SECONDS.fullmatch(at):
        raise BadProof("malformed")
    head = f"{name}.{at}.".encode("latin-1", "replace")
    secret = check_raw(secrets, given, head, body)
    if abs(now.timestamp() - int(at)) > _TOLERANCE_SECONDS:
        raise BadProof("expired")
    return secret


def decode_secret(text: str) -> bytes:
    """Decode a secret, ``whsec_`` and base64.

    Raises:
        ValueError: It is none.
    """
    secret = b64decode(text.removeprefix(PREFIX), validate=True)
    if not secret or not text.startswith(PREFIX):
        raise ValueError("no secret")
    return secret


def _signatures_in(header: str) -> list[bytes]:
    """Read the signatures of the known version; texts that are not base64 are ignored."""
    found = []
    for text in header.split(" ", _MAX_SIGNATURES)[:_MAX_SIGNATURES]:
        if text.startswith(_VERSION) and len(text) < _LONGEST:
            try:
                found.append(b64decode(text.removeprefix(_VERSION), validate=True))
            except (binascii.Error, ValueError):  # ValueError: not ASCII
                continue
    return found
