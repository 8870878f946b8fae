"""W3C trace context, level 1 (https://www.w3.org/TR/trace-context-1/): the ``traceparent`` header.

The system starts no traces of its own: it stores the sender's with each event, so that
a trace leads to the row.
"""

import re
from collections.abc import Sequence
from typing import Final

TRACE_HEADER: Final = "traceparent"

_LENGTH: Final = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
_IDS: Final = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACE_PARENT: Final = re.compile(rf"00{_IDS}|(?!00|ff)[0-9a-f]{{2}}{_IDS}(?:-.*)?")
"""Later versions may only append to the format of version 00, after another dash."""


def trace_parent_of(headers: Sequence[str]) -> str | None:
    """Take the sender's position in its trace, in the format of version 00.

    Args:
        headers: The values of all ``traceparent`` headers; several are invalid.

    Returns:
        None if there is none, or it is invalid: the standard says to continue without it.
    """
    if len(headers) != 1 or not _TRACE_PARENT.fullmatch(headers[0]):
        return None
    return f"00{headers[0][2:_LENGTH]}"


def trace_id_of(trace_parent: str) -> str:
    """Return the trace id of a valid ``traceparent``."""
    return trace_parent.split("-", 2)[1]
