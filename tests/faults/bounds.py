"""How much memory a function may take at the most, whatever happens."""

from collections.abc import Mapping
from typing import Final

from runtime.http.body import BEGINNING_BYTES, BEGINNINGS, SMALL_BUDGET_BYTES
from runtime.http.in_hand import REQUESTS_IN_HAND
from runtime.http.server.protocol import HELD_BYTES
from runtime.settings import GatewaySettings

_MB = 1024**2
_PROGRAM_MB = 100
"""The interpreter and what is imported take some 70."""

_REQUEST_BYTES = 28 * 1024
"""What a request in hand takes whatever its size, as measured for ``REQUESTS_IN_HAND``."""

_IDLE_MB = 50
"""Ten thousand connections that say nothing, 5 KB each."""

_LINE_MB = 80
"""Bodies that wait for room, two times ``WAITING_BODIES``, with what was read ahead of each."""

_BEGUN = BEGINNINGS * BEGINNING_BYTES

_COPIES = 2
"""A body is there once as it came, and again in envelopes on their way."""


def _gateway_mb() -> int:
    settings = GatewaySettings.model_fields
    bodies = int(settings["body_bytes_in_flight"].default) + SMALL_BUDGET_BYTES
    counted = _COPIES * bodies + REQUESTS_IN_HAND * _REQUEST_BYTES + _BEGUN + HELD_BYTES
    return _PROGRAM_MB + _IDLE_MB + _LINE_MB + counted // _MB


_COLLECTOR_MB = 200
"""Looked for, not computed: 153 were the most in any fault, 144 with any shape."""

MEMORY_MB: Final[Mapping[str, int]] = {
    "gateway": _gateway_mb(),
    "fb-collector": _COLLECTOR_MB,
    "ttk-collector": _COLLECTOR_MB,
    "dead-letters": _COLLECTOR_MB,
    "reporter": 2 * _PROGRAM_MB,
}
"""By function, in megabytes of resident memory, with thousands of senders at once."""

SHAPE_MB: Final[Mapping[str, int]] = {**MEMORY_MB, "gateway": 400}
"""The same, with one body of whatever shape: 214 were the most for the gateway."""
