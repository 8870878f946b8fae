"""W3C trace context, level 1 (https://www.w3.org/TR/trace-context-1/): the ``traceparent`` header.

The system takes part in no trace of its own making: it keeps what the sender
says with each event, so that a trace leads to the row.
"""

import re
from collections.abc import Sequence
from typing import Final

TRACE_HEADER: Final = "traceparent"

_LENGTH: Final = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
_IDS: Final = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACE_PARENT: Final = re.compile(rf"00{_IDS}|(?!00|ff)[0-9a-f]{{2}}{_IDS}(?:-.*)?")
"""Later versions may only add to what version 00 has, after a further dash."""


def trace_parent_of(headers: Sequence[str]) -> str | None:
    """Take over the sender's position in its trace, as version 00 writes it.

    Args:
        headers: The values of each ``traceparent`` header that came; of several, none is right.

    Returns:
        None where there is none, or a bad one: the standard says to go on without it.
    """
    if len(headers) != 1 or not _TRACE_PARENT.fullmatch(headers[0]):
        return None
    return f"00{headers[0][2:_LENGTH]}"


def trace_id_of(trace_parent: str) -> str:
    """Tell the id of the trace that a valid ``traceparent`` is of."""
    return trace_parent.split("-", 2)[1]
