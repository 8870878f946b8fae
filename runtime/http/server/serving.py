"""Serve an ASGI application on uvicorn until stopped."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from runtime.http.byte_budget import ByteBudget
from runtime.http.observing import Observer
from runtime.http.server.protocol import HELD_BYTES, BoundedProtocol

_KEEP_ALIVE_SECONDS = 75
"""Longer than the minute after which load balancers drop idle connections."""

_BACKLOG = 2048
_EVERYWHERE = "::"


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    shutdown_timeout_seconds: float,
    observer: Observer | None = None,
) -> AsyncIterator[None]:
    """Serve while the context is open; at its end, finish the requests in hand.

    Args:
        app: The application.
        host: An address; ``::`` stands for every address, including IPv4.
        port: The port.
        shutdown_timeout_seconds: How long requests in hand may take at the end.
        observer: Records requests that are refused before they reach the application.

    Raises:
        OSError: The port can't be bound.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        http=cast("Any", partial(BoundedProtocol, observer=observer, held=ByteBudget(HELD_BYTES))),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `senders.py` finds the client's address
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(shutdown_timeout_seconds),
    )
    server = _Server(config)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server(
        (host, port),
        family=family,
        backlog=_BACKLOG,
        dualstack_ipv6=host == _EVERYWHERE and socket.has_dualstack_ipv6(),
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
