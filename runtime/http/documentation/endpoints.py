"""The documentation behind HTTP."""

from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus

import msgspec

from runtime.http.documentation.document import Document
from runtime.http.documentation.page import render
from runtime.http.documentation.trying import SCRIPT
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import Response

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'; "
        "connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}


def documentation_endpoints(document: Document) -> Endpoints:
    """Make the endpoints of the page ``GET /api`` and of the document that it shows."""
    page = Response(HTTPStatus.OK, render(document), "text/html; charset=utf-8", _PAGE_HEADERS)
    machine_readable = Response(HTTPStatus.OK, msgspec.json.encode(document))
    return {
        "/api": ("GET", _always(page)),
        "/api/": ("GET", _always(_leading_to("../api"))),
        "/api/openapi.json": ("GET", _always(machine_readable)),
    }


def leading_to_documentation() -> Endpoints:
    """Make the endpoint of ``GET /`` for a function that has no own page."""
    return {"/": ("GET", _always(_leading_to("api")))}


def _leading_to(place: str) -> Response:
    """Redirect to a relative address: a proxy may have put a prefix before the path."""
    return Response(HTTPStatus.FOUND, b"", "text/plain; charset=utf-8", {"Location": place})


def _always(answer: Response) -> Endpoint:
    async def get_documentation(_request: Request) -> Response:
        return answer

    return get_documentation
