"""Lines of the embedded servers that we cause ourselves, and that tell nobody anything."""

import re
from typing import Final

from runtime.local.embedded.process import OnLine

_NOISE: Final = {
    # MAX_MESSAGE_BYTES of it are ours to use; the server warns above 8 MB.
    "nats": re.compile(r"\[WRN\] Maximum payloads over .* are generally discouraged"),
    # What asks whether it is ready, `runtime.local.embedded.readiness`, is told so while it is not.
    "postgres": re.compile(r"\bFATAL:  the database system is (?:starting up|not yet accepting)"),
}


def without_noise(server: str, on_line: OnLine) -> OnLine:
    """Leave out what a server says of our own settings and questions; all else is passed on."""
    noise = _NOISE.get(server)
    if noise is None:
        return on_line

    def take(line: str) -> None:
        if not noise.search(line):
            on_line(line)

    return take
