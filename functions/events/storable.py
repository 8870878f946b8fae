"""What PostgreSQL could not keep, though it is JSON."""

import re

from functions.errors import Fault

_BACKSLASH = ord("\\")

# An escape is consumed whole, so that the u of an escaped backslash before a u is none. All of
# a text is walked through by one match: a loop over its escapes would take ten times as long.
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
    """Find a NUL character or a lone surrogate, which JSON can spell and PostgreSQL can't keep."""
    if _BACKSLASH not in raw or b"\\u" not in raw:  # one byte is found much faster than two
        return None
    found = _UP_TO_ANY.match(raw)
    if found is None or not found.lastgroup:
        return None
    if found["nul"] or ((nul := _UP_TO_NUL.match(raw)) and nul["nul"]):
        return Fault("", "nul_character", "A string contains a NUL character")
    return Fault("", "lone_surrogate", "A string contains a lone surrogate")
