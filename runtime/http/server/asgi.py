"""Turn an ASGI request into an endpoint's."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from runtime.http.request import RawHeaders, Request

WHOLE_BODY: Final = "eps.whole_body"
"""Where ``BoundedProtocol`` puts a body in the ASGI scope if all of it came with its head."""


def request_of(scope: Scope, receive: Receive) -> Request:
    """Make the request from a scope whose state holds its correlation id and its facts."""
    state = scope["state"]
    return Request(
        RawHeaders(scope["headers"]),
        str(scope["query_string"], "latin-1"),
        state["correlation_id"],
        partial(chunks_of, receive),
        scope.get(WHOLE_BODY),
        scope.get("path_params", {}),
        state["facts"],
        state["trace_parent"],
        scope["method"],
    )


async def chunks_of(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a body's chunks as ASGI delivers them.

    Raises:
        ClientDisconnect: The sender has disconnected.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
