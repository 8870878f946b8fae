"""Fast path: decode events in the usual spelling; anything else is left to the contract."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from functions.errors import Fault
from functions.events import Source
from functions.events.sources import FORMS, Event
from functions.events.timestamps import read_moment

# An escape is consumed whole, so that a u after an escaped backslash starts none. One match
# walks through the whole text: a loop over its escapes would take ten times as long.
_STORABLE = rb"""(?:
    [^\\]++
    |\\u(?!0000|[dD][89a-fA-F])
    |\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    |\\[^u]"""
_UP_TO_ANY = re.compile(
    _STORABLE + rb")*+(?:(?P<nul>\\u0000)|(?P<surrogate>\\u[dD][89a-fA-F]))?",
    re.DOTALL | re.VERBOSE,
)
_UP_TO_NUL = re.compile(
    _STORABLE + rb"|\\u[dD][89a-fA-F])*+(?P<nul>\\u0000)?", re.DOTALL | re.VERBOSE
)


def find_unstorable(raw: bytes) -> Fault | None:
    """Find a NUL character or a lone surrogate, which JSON can spell and PostgreSQL can't store."""
    if _BACKSLASH not in raw or b"\\u" not in raw:  # one byte is found much faster than two
        return None
    found = _UP_TO_ANY.match(raw)
    if found is None or not found.lastgroup:
        return None
    if found["nul"] or ((nul := _UP_TO_NUL.match(raw)) and nul["nul"]):
        return Fault("", "nul_character", "A string contains a NUL character")
    return Fault("", "lone_surrogate", "A string contains a lone surrogate")


def unstorable_at(raw: bytes) -> int | None:
    """Find the position of the character that ``find_unstorable`` names; None for none."""
    for pattern in (_UP_TO_NUL, _UP_TO_ANY):
        found = pattern.match(raw)
        if found and found.lastgroup:
            return found.start(found.lastgroup)
    return None


READERS: Final[dict[Source, Callable[[bytes], Event]]] = {
    source: msgspec.json.Decoder(form.event, dec_hook=read_moment).decode
    for source, form in FORMS.items()
}
*_NAMED, (_, _read_last) = [(f'"{source}"'.encode(), reader) for source, reader in READERS.items()]
"""The last source is the one whose name is not looked for, since it has to be that one."""

_HEAD_BYTES = 256  # where the platforms name the source
_BACKSLASH = ord("\\")
_SHORT_BYTES = 600
_LONG_BYTES = 4096
_MAX_BRACKETS = 100


def read(raw: bytes) -> Event | None:
    """Decode an event if it clearly satisfies the contract.

    Args:
        raw: One JSON text, as received.

    Returns:
        The event as the contract would decode it; None if the contract has to
        decide, because the event is invalid or spelled in an unusual way.
    """
    usual = len(raw) <= _SHORT_BYTES and raw.isascii() and _BACKSLASH not in raw
    if not usual and not _is_harmless(raw):
        return None
    for name, reader in _NAMED:
        if raw.find(name, 0, _HEAD_BYTES) >= 0:
            return _try(reader, raw)
    event = _try(_read_last, raw)
    if event is None:
        for name, reader in _NAMED:
            if name in raw and (event := _try(reader, raw)):
                return event
    return event


def _try(reader: Callable[[bytes], Event], raw: bytes) -> Event | None:
    try:
        return reader(raw)
    except msgspec.MsgspecError:
        return None


def _is_harmless(raw: bytes) -> bool:
    """Return whether the values of unknown keys, which the reader skips, are certainly valid.

    The reader checks them less strictly than the contract, which has limits: lists
    nested 200 deep, numbers of 4,300 digits. A short event has no room for those.
    """
    if len(raw) > _LONG_BYTES or find_unstorable(raw):
        return False
    if len(raw) > _SHORT_BYTES and raw.count(b"[") + raw.count(b"{") > _MAX_BRACKETS:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
