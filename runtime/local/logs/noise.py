"""Lines of the embedded servers that we cause ourselves and that have no value."""

import re
from typing import Final

from runtime.local.embedded.process import OnLine

_NOISE: Final = {
    # MAX_MESSAGE_BYTES is meant to be used; the server warns above 8 MB.
    "nats": re.compile(r"\[WRN\] Maximum payloads over .* are generally discouraged"),
    # The readiness checks of `runtime.local.embedded.readiness` cause it until it is ready.
    "postgres": re.compile(r"\bFATAL:  the database system is (?:starting up|not yet accepting)"),
}


def without_noise(server: str, on_line: OnLine) -> OnLine:
    """Drop a server's lines about our own settings and checks; pass all others on."""
    noise = _NOISE.get(server)
    if noise is None:
        return on_line

    def take(line: str) -> None:
        if not noise.search(line):
            on_line(line)

    return take
