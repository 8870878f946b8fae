"""Endpoints behind bearer keys (RFC 6750)."""

from http import HTTPStatus
from typing import Final

from runtime.api_keys import ApiKeys
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import HttpProblem, Response

CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="eps"'}
NOT_ADMITTED: Final = "A key is required: Authorization: Bearer <key>"
"""The same text for a missing key and a wrong one."""


def guarded(keys: ApiKeys, endpoint: Endpoint) -> Endpoint:
    """Let only holders of a key reach an endpoint; without keys it is open and costs nothing.

    Others get a 401 before any of their body is read.
    """
    if not keys:
        return endpoint

    async def respond(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        name = keys.admit(key.strip().encode())
        if name is None or scheme.lower() != "bearer":
            raise HttpProblem(HTTPStatus.UNAUTHORIZED, NOT_ADMITTED, CHALLENGE)
        request.facts["key"] = name
        return await endpoint(request)

    return respond


def all_guarded(keys: ApiKeys, endpoints: Endpoints) -> Endpoints:
    """Guard endpoints, given as method and endpoint by path; see ``guarded``."""
    return {
        path: (method, guarded(keys, endpoint)) for path, (method, endpoint) in endpoints.items()
    }
