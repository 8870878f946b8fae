"""The fast reader: reads and judges the events that are as they mostly are, and no others."""

from collections.abc import Callable
from typing import Final

import msgspec

from functions.events import Source
from functions.moments import read_moment
from functions.shapes import Event, FacebookEvent, TiktokEvent

_SHORT_BYTES: Final = 600
"""Up to here a valid event has no room for what is looser in the reader than in
the contract: lists in lists, 200 deep, or a number of 4,300 digits."""

_LONG_BYTES: Final = 4096
_MAX_BRACKETS: Final = 100

READERS: Final[dict[Source, Callable[[bytes], Event]]] = {
    "facebook": msgspec.json.Decoder(FacebookEvent, dec_hook=read_moment).decode,
    "tiktok": msgspec.json.Decoder(TiktokEvent, dec_hook=read_moment).decode,
}
_FACEBOOK, _TIKTOK = READERS["facebook"], READERS["tiktok"]


def read(raw: bytes) -> Event | None:
    """Read an event, if it is plain to see that it keeps the contract.

    Args:
        raw: One JSON text without NUL characters and lone surrogates.

    Returns:
        The event as the contract would have it; None when the contract has to
        be asked: because it is invalid, or spelled in an unusual way.
    """
    if not ((raw.isascii() and len(raw) <= _SHORT_BYTES) or _is_plain(raw)):
        return None
    try:
        if b'"facebook"' in raw:
            return _FACEBOOK(raw)
        return _TIKTOK(raw)
    except msgspec.MsgspecError:
        pass
    try:
        return _TIKTOK(raw)
    except msgspec.MsgspecError:
        return None


def _is_plain(raw: bytes) -> bool:
    """Tell whether values that nobody reads are JSON to the contract too."""
    if len(raw) > _LONG_BYTES or raw.count(b"[") + raw.count(b"{") > _MAX_BRACKETS:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
