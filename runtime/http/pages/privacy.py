"""The page with the state of a request to erase a user, for the user who asked."""

from datetime import UTC
from http import HTTPStatus
from typing import Final

from functions.reporter.erasure_state import Erasures, ErasureState, handle_erasure_state
from functions.senders.meta_deletion.answers import STATUS_PATH
from runtime.http.html import element
from runtime.http.negotiation import HTML, VARY, preferred
from runtime.http.pages.assets import STYLE
from runtime.http.pages.frame import HEADERS, visit_of
from runtime.http.pages.words import Words
from runtime.http.pages.writing import moment
from runtime.http.request import Endpoints, Request
from runtime.http.responses import JSON, HttpProblem, Response

PATH: Final = f"{STATUS_PATH}{{code}}"
NO_SUCH_REQUEST: Final = "There is no such request, or it has not arrived yet"
_KEPT_NOWHERE: Final = {**VARY, "Cache-Control": "no-store"}


def erasure_state_endpoints(erasures: Erasures) -> Endpoints:
    """Make the endpoint of a request's state; its code is its key, so it needs no other."""

    async def get_state(request: Request) -> Response:
        state = await handle_erasure_state(request.path_params["code"], erasures=erasures)
        wants_page = preferred(request.headers.get("accept", ""), (HTML, JSON)) == HTML
        if wants_page:
            return _page(visit_of(request, PATH).words, state)
        if state is None:
            raise HttpProblem(HTTPStatus.NOT_FOUND, NO_SUCH_REQUEST)
        return Response(HTTPStatus.OK, state.model_dump_json().encode(), headers=_KEPT_NOWHERE)

    return {PATH: ("GET", get_state)}


def _page(words: Words, state: ErasureState | None) -> Response:
    """Show it without the navigation: its reader is not one of ours."""
    lines = [words("erasure.unknown")] if state is None else _lines(words, state)
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="robots", content="noindex"),
            element("title", words("erasure")),
            element("link", rel="stylesheet", href=STYLE.path),
        ),
        element(
            "body",
            element(
                "main", element("h1", words("erasure")), *(element("p", line) for line in lines)
            ),
        ),
        lang=words.code,
    )
    return Response(
        HTTPStatus.OK if state else HTTPStatus.NOT_FOUND,
        f"<!doctype html>\n{document}\n".encode(),
        f"{HTML}; charset=utf-8",
        HEADERS,
    )


def _lines(words: Words, state: ErasureState) -> list[str]:
    asked = moment(state.requested_at.astimezone(UTC))
    lines = [words("erasure.requested", moment=f"{asked} UTC")]
    if state.done_at is None:
        lines.append(words("erasure.waiting"))
    else:
        lines.append(words("erasure.done", moment=f"{moment(state.done_at.astimezone(UTC))} UTC"))
    return [*lines, words("erasure.code", code=state.confirmation_code)]
