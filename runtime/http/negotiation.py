"""Choose the form of an answer that a client wants (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Sequence
from typing import Final

from runtime.http.responses import JSON

CSV: Final = "text/csv"
HTML: Final = "text/html"
VARY: Final = {"Vary": "Accept"}
"""On every form of an answer, so that caches keep them apart."""

_RANGE: Final = re.compile(r"\s*([^\s/;,]+)/([^\s/;,]+)\s*(.*)", re.DOTALL)
_QUALITY: Final = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_MOST_RANGES: Final = 32
"""Limit for one header; no client needs more."""


def preferred(accept: str, offered: Sequence[str] = (JSON, CSV)) -> str:
    """Choose a media type for a client.

    Equal preferences go to the type that the header names more exactly, then to
    the one offered first. That one is also chosen if the header names none of
    them: an unrequested form helps more than no answer.

    Args:
        accept: The header's value; empty if there is none.
        offered: Media types without parameters, the usual one first.
    """
    ranges = [
        (found[1].lower(), found[2].lower(), _quality(found[3]))
        for part in accept.split(",")[:_MOST_RANGES]
        if (found := _RANGE.fullmatch(part))
    ]
    return max(offered, key=lambda media_type: _liking(media_type, ranges))


def _quality(parameters: str) -> float:
    found = _QUALITY.search(parameters)
    return 1.0 if found is None else min(1.0, float(found[1]))


def _liking(media_type: str, ranges: Sequence[tuple[str, str, float]]) -> tuple[float, int]:
    """Return a client's preference for a type, from the range that names it most exactly."""
    main, _, sub = media_type.partition("/")
    exact = {(main, sub): 3, (main, "*"): 2, ("*", "*"): 1}
    matching = [
        (exact[kind, detail], quality)
        for kind, detail, quality in ranges
        if (kind, detail) in exact
    ]
    exactness, quality = max(matching, default=(0, 0.0))
    return (quality, exactness) if quality else (0.0, 0)
