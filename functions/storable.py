"""What PostgreSQL could not keep, though it is JSON."""

import re

from functions.errors import Fault, Invalid

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


def refuse_unstorable(raw: bytes) -> None:
    """Refuse strings that JSON can spell and PostgreSQL can't keep.

    Raises:
        Invalid: One has a NUL character or a lone surrogate.
    """
    if _BACKSLASH not in raw or b"\\u" not in raw:  # one byte is found much faster than two
        return
    if any(escape["nul"] for escape in _ESCAPE.finditer(raw)):
        raise Invalid([Fault("", "nul_character", "A string contains a NUL character")])
    if any(escape["surrogate"] for escape in _ESCAPE.finditer(raw)):
        raise Invalid([Fault("", "lone_surrogate", "A string contains a lone surrogate")])
