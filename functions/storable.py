"""What PostgreSQL could not keep, though it is JSON."""

import re

from functions.errors import Fault

_BACKSLASH = ord("\\")

# An escape is consumed whole, so that the u of an escaped backslash before a u is none.
_ESCAPE = re.compile(
    rb"""\\(?:
        u(?:(?P<nul>0000)
          |[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
          |(?P<surrogate>[dD][89a-fA-F]))
        |.)""",
    re.DOTALL | re.VERBOSE,
)


def find_unstorable(raw: bytes) -> Fault | None:
    """Find a NUL character or a lone surrogate, which JSON can spell and PostgreSQL can't keep."""
    if _BACKSLASH not in raw or b"\\u" not in raw:  # one byte is found much faster than two
        return None
    if any(escape["nul"] for escape in _ESCAPE.finditer(raw)):
        return Fault("", "nul_character", "A string contains a NUL character")
    if any(escape["surrogate"] for escape in _ESCAPE.finditer(raw)):
        return Fault("", "lone_surrogate", "A string contains a lone surrogate")
    return None
