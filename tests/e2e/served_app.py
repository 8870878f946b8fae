"""An application behind the real server, as a separate process: ``python -m`` this, with a port.

Its timeouts are short, and its memory is limited beyond what it has when it is ready.
"""

import asyncio
import resource
import sys
import zlib
from pathlib import Path

import msgspec
import uvloop
from prometheus_client import CollectorRegistry

from runtime.http.body import BodyReader
from runtime.http.request import Request
from runtime.http.responses import Response
from runtime.http.server import protocol, serving
from runtime.http.server.app import create_app
from runtime.http.server.serving import served
from runtime.local.embedded.tcp_ports import LOOPBACK
from runtime.telemetry import logs
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics

MAY_TAKE_BYTES = 256 * 1024**2
BODY_LIMIT = 300_000
CLOSES_WITHIN_SECONDS = 6.0
STOLEN = "/stolen"
"""Paths in bodies, in case they are ever read as requests."""

_SECONDS = 2.0
_PAGE_BYTES = resource.getpagesize()


async def serve(port: int) -> None:
    """Serve forever."""
    for name in ("_HEAD_SECONDS", "_LINGER_SECONDS", "_FAREWELL_SECONDS", "_READING_SECONDS"):
        setattr(protocol, name, _SECONDS)
    serving._KEEP_ALIVE_SECONDS = 1  # noqa: SLF001 - of a process that does nothing else
    bodies = BodyReader(limit=BODY_LIMIT, bytes_in_flight=4 * BODY_LIMIT, timeout_seconds=_SECONDS)
    registry = CollectorRegistry()

    async def post(request: Request) -> Response:
        async with bodies.read(request.headers, request.chunks(), request.whole) as body:
            await asyncio.sleep(0)
            told = {"bytes": len(body), "crc": zlib.crc32(body)}
        return Response(202, msgspec.json.encode(told))

    async def stolen(_request: Request) -> Response:
        return Response(200, b"")

    app = create_app(
        {"/events": ("POST", post), STOLEN: ("GET", stolen)},
        health=Health(),
        registry=registry,
        metrics=HttpMetrics(registry, "gateway"),
    )
    async with served(
        app, host=LOOPBACK, port=port, shutdown_timeout_seconds=1, observer=app.observer
    ):
        _bound_memory()
        await asyncio.Event().wait()


def _bound_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size + MAY_TAKE_BYTES,) * 2)


if __name__ == "__main__":
    logs.configure("error", "json", "fuzz")
    uvloop.run(serve(int(sys.argv[1])))
