"""Pages of other sites: a browser that shows one sends nothing here that changes something."""

import re
from http import HTTPStatus
from typing import Final

from runtime.http.request import Endpoint, Endpoints, Headers, Request
from runtime.http.responses import HttpProblem, Response

FOREIGN: Final = "A page of another site may not do this"

_OWN: Final = frozenset({"same-origin", "none"})
"""What ``Sec-Fetch-Site`` says of a page of ours, and of what a person does by hand."""

_PORTS: Final = {"http": 80, "https": 443}
_ABSENT: Final = "absent"
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+)(?::([0-9]{1,5}))?")


def same_origin(endpoint: Endpoint) -> Endpoint:
    """Refuse what a browser sends for a page of another site, with a 403, before its body is read.

    A simple request needs nobody's leave (Fetch, CORS): without this rule any
    page that is open on an operator's machine could discard dead letters where
    no keys are set. Programs send neither of the two headers.
    """

    async def respond(request: Request) -> Response:
        if is_foreign(request.headers):
            raise HttpProblem(HTTPStatus.FORBIDDEN, FOREIGN)
        return await endpoint(request)

    return respond


def all_same_origin(endpoints: Endpoints) -> Endpoints:
    """Keep pages of other sites from all endpoints that change something: those of POST."""
    return {
        path: (method, same_origin(endpoint) if method == "POST" else endpoint)
        for path, (method, endpoint) in endpoints.items()
    }


def is_foreign(headers: Headers) -> bool:
    """Tell whether a request comes from a page of another site.

    ``Sec-Fetch-Site`` decides, which pages can't write. Browsers send it to
    trustworthy addresses only, and old ones never: else ``Origin`` has to name
    the host and port that were asked.
    """
    site = headers.get("sec-fetch-site", _ABSENT)
    if site is not _ABSENT:
        return site not in _OWN
    origin = headers.get("origin", _ABSENT)
    return origin is not _ABSENT and not _names(origin, headers.get("host", ""))


def is_own_page(headers: Headers) -> bool:
    """Tell whether a browser says that a page of ours sends this; what says nothing does not."""
    site = headers.get("sec-fetch-site", _ABSENT)
    if site is not _ABSENT:
        return site == "same-origin"
    return _names(headers.get("origin", ""), headers.get("host", ""))


def _names(origin: str, host: str) -> bool:
    """Tell whether an origin, ``https://name:port`` or ``null``, is that of a host."""
    scheme, _, named = origin.partition("://")
    ours, theirs = _HOST.fullmatch(host), _HOST.fullmatch(named)
    if scheme not in _PORTS or ours is None or theirs is None:
        return False
    default = _PORTS[scheme]
    return (ours[1].lower(), int(ours[2] or default)) == (
        theirs[1].lower(),
        int(theirs[2] or default),
    )
