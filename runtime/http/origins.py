"""Cross-site requests: a browser may not change anything here for a page of another site."""

import re
from http import HTTPStatus
from typing import Final

from runtime.http.request import Endpoint, Endpoints, Headers, Request
from runtime.http.responses import HttpProblem, Response

FOREIGN: Final = "Pages of another site may not do this"

_OWN: Final = frozenset({"same-origin", "none"})
"""Values of ``Sec-Fetch-Site`` for our own pages and for a person's own navigation."""

_PORTS: Final = {"http": 80, "https": 443}
_ABSENT: Final = "absent"
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+)(?::([0-9]{1,5}))?")


def same_origin(endpoint: Endpoint) -> Endpoint:
    """Refuse a browser's cross-site requests with a 403 before the body is read.

    Simple requests need no permission (Fetch, CORS): without this check, any page
    open on an operator's machine could discard dead letters if no keys are set.
    Programs send neither of the two headers.
    """

    async def respond(request: Request) -> Response:
        if is_foreign(request.headers):
            raise HttpProblem(HTTPStatus.FORBIDDEN, FOREIGN)
        return await endpoint(request)

    return respond


def all_same_origin(endpoints: Endpoints) -> Endpoints:
    """Protect all endpoints that change something, those of POST, from pages of other sites."""
    return {
        path: (method, same_origin(endpoint) if "POST" in method else endpoint)
        for path, (method, endpoint) in endpoints.items()
    }


def is_foreign(headers: Headers) -> bool:
    """Return whether a request comes from a page of another site.

    ``Sec-Fetch-Site`` decides, since pages can't set it. Browsers send it only to
    trustworthy addresses, and old ones never do; then ``Origin`` has to name the
    requested host and port.
    """
    site = headers.get("sec-fetch-site", _ABSENT)
    if site is not _ABSENT:
        return site not in _OWN
    origin = headers.get("origin", _ABSENT)
    return origin is not _ABSENT and not _names(origin, headers.get("host", ""))


def is_own_page(headers: Headers) -> bool:
    """Return whether a browser states that a page of ours sent this; no statement means no."""
    site = headers.get("sec-fetch-site", _ABSENT)
    if site is not _ABSENT:
        return site == "same-origin"
    return _names(headers.get("origin", ""), headers.get("host", ""))


def _names(origin: str, host: str) -> bool:
    """Return whether an origin, ``https://name:port`` or ``null``, is that of a host."""
    scheme, _, named = origin.partition("://")
    ours, theirs = _HOST.fullmatch(host), _HOST.fullmatch(named)
    if scheme not in _PORTS or ours is None or theirs is None:
        return False
    default = _PORTS[scheme]
    return (ours[1].lower(), int(ours[2] or default)) == (
        theirs[1].lower(),
        int(theirs[2] or default),
    )
