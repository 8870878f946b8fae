"""Who may ask: endpoints behind bearer keys (RFC 6750)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from runtime.api_keys import ApiKeys
from runtime.http.answers import Answer, HttpProblem
from runtime.http.app import Endpoint

CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="eps"'}
NOT_ADMITTED: Final = "A key is needed: Authorization: Bearer <key>"
"""The same whether there is none or a wrong one."""


def guarded(keys: ApiKeys, endpoint: Endpoint) -> Endpoint:
    """Let only holders of a key reach an endpoint; without any keys it is open, and as fast.

    Others get a 401 before anything of their body is read.
    """
    if not keys:
        return endpoint

    async def respond(request: Request) -> Answer:
        scheme, _, key = _authorization(request.scope).partition(b" ")
        if not keys.admit(key.strip()) or scheme.lower() != b"bearer":
            raise HttpProblem(HTTPStatus.UNAUTHORIZED, NOT_ADMITTED, CHALLENGE)
        return await endpoint(request)

    return respond


def _authorization(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return b""


def all_guarded(
    keys: ApiKeys, endpoints: Mapping[str, tuple[str, Endpoint]]
) -> dict[str, tuple[str, Endpoint]]:
    """Guard endpoints, given with their method by path, as ``guarded`` does one."""
    return {
        path: (method, guarded(keys, endpoint)) for path, (method, endpoint) in endpoints.items()
    }
