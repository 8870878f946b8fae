"""Problems as pages: a browser's answer where a program gets a problem (RFC 9457)."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from functions.errors import Fault
from runtime.http.html import Html, element
from runtime.http.negotiation import HTML, VARY, preferred
from runtime.http.pages.frame import LANGUAGE_COOKIE, Visit, address, fault_page
from runtime.http.pages.words import choose
from runtime.http.request import Headers
from runtime.http.responses import JSON, PROBLEM, Response
from runtime.http.sessions import cookie_of


def explain(headers: Headers, there: str, problem: Response) -> Response:
    """Answer a problem as a page if the client prefers HTML; see ``request.Explain``.

    Status and headers stay. The page is for everybody: it contains only the problem's text.
    """
    if problem.content_type != PROBLEM:
        return problem
    if preferred(headers.get("accept", ""), (JSON, HTML)) != HTML:
        return replace(problem, headers={**VARY, **problem.headers})
    told: dict[str, Any] = msgspec.json.decode(problem.body)
    visit = _visit(headers)
    faults = [Fault(it["field"], it["code"], it["message"]) for it in told.get("errors", ())]
    page = fault_page(
        visit,
        problem.status,
        told["correlationId"],
        faults or [Fault("", "", told["detail"])],
        _sign_in(visit, there) if problem.status == HTTPStatus.UNAUTHORIZED else None,
    )
    return replace(page, headers={**page.headers, **problem.headers})


def _visit(headers: Headers) -> Visit:
    words = choose("", cookie_of(headers, LANGUAGE_COOKIE), headers.get("accept-language", ""))
    return Visit(words, "/", [])


def _sign_in(visit: Visit, there: str) -> Html:
    link = element("a", visit.words("sign-in"), href=address("/sign-in", {"next": there}))
    return element("p", link)
