"""The maximum memory of each function, whatever happens."""

from collections.abc import Mapping
from typing import Final

from runtime.http.body import BEGINNING_BYTES, BEGINNINGS, SMALL_BUDGET_BYTES
from runtime.http.in_hand import REQUESTS_IN_HAND
from runtime.http.server.protocol import HELD_BYTES
from runtime.settings import GatewaySettings

_MB = 1024**2
_PROGRAM_MB = 100
"""The interpreter and the imported modules take about 70."""

_REQUEST_BYTES = 28 * 1024
"""The memory of an open request of any size, as measured for ``REQUESTS_IN_HAND``."""

_IDLE_MB = 50
"""Ten thousand idle connections, 5 KB each."""

_LINE_MB = 80
"""Bodies waiting for room, two times ``WAITING_BODIES``, with the bytes read ahead of each."""

_BEGUN = BEGINNINGS * BEGINNING_BYTES

_COPIES = 2
"""A body is in memory once as received, and again in envelopes being sent."""


def _gateway_mb() -> int:
    settings = GatewaySettings.model_fields
    bodies = int(settings["body_bytes_in_flight"].default) + SMALL_BUDGET_BYTES
    counted = _COPIES * bodies + REQUESTS_IN_HAND * _REQUEST_BYTES + _BEGUN + HELD_BYTES
    return _PROGRAM_MB + _IDLE_MB + _LINE_MB + counted // _MB


_COLLECTOR_MB = 200
"""Measured, not computed: 153 was the maximum in any fault, 144 with any shape."""

MEMORY_MB: Final[Mapping[str, int]] = {
    "gateway": _gateway_mb(),
    "fb-collector": _COLLECTOR_MB,
    "ttk-collector": _COLLECTOR_MB,
    "dead-letters": _COLLECTOR_MB,
    "reporter": 2 * _PROGRAM_MB,
}
"""By function, in megabytes of resident memory, with thousands of senders at once."""

SHAPE_MB: Final[Mapping[str, int]] = {**MEMORY_MB, "gateway": 400}
"""The same, with one body of any shape: 214 was the gateway's maximum."""
