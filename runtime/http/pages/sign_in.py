"""Sign in: a form takes a key, and a session replaces it."""

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from runtime.http.html import Html, element
from runtime.http.keys import CHALLENGE
from runtime.http.pages.frame import Visit, answer, blank, button, form, visit_of
from runtime.http.request import Endpoints, Request
from runtime.http.responses import HttpProblem, Response
from runtime.http.sessions import Sessions

PATH: Final = "/sign-in"
_MOST_BYTES: Final = 8 * 1024
_WRONG_SECONDS: Final = 1.0
"""Guessing is slowed down; the key itself is too long to be guessed."""


def sign_in_endpoints(sessions: Sessions) -> Endpoints:
    """Make the endpoints that show the form, take it, and end the session."""

    async def get_form(request: Request) -> Response:
        visit = visit_of(request, PATH)
        asked = dict(visit.params).get("next", "/")
        return _form_page(visit, own_path(asked), HTTPStatus.OK, "")

    async def begin(request: Request) -> Response:
        given = await read_form(request)
        there = own_path(given.get("next", "/"))
        cookie = sessions.begin(given.get("key", "").strip().encode())
        if cookie is not None:
            return _lead(there, cookie)
        await asyncio.sleep(_WRONG_SECONDS)
        visit = visit_of(request, PATH)
        return _form_page(visit, there, HTTPStatus.UNAUTHORIZED, visit.words("sign-in.wrong"))

    async def end(_request: Request) -> Response:
        return _lead(PATH, sessions.end())

    if not sessions.keys:
        return {}
    return {
        PATH: ("GET", get_form),
        "/session": ("POST", begin),
        "/session/end": ("POST", end),
    }


def ask_to_sign_in(visit: Visit, request: Request, there: str, *, signed_in: bool) -> Response:
    """Answer a visitor who may not see a page with the reason and the form.

    A browser that follows another site's link does not send the session; a page
    that reloads itself is requested by us, and then the session is sent.
    """
    words = visit.words
    if request.headers.get("sec-fetch-site", "") == "cross-site":
        link = element("p", element("a", words("reload"), href=there))
        return answer(visit, words("sign-in"), link, headers={"Refresh": "0"})
    why = words("sign-in.operator" if signed_in else "sign-in.why")
    return _form_page(visit, there, HTTPStatus.UNAUTHORIZED, why)


def own_path(text: str) -> str:
    r"""Accept a path on this server; anything else becomes ``/``.

    A second slash, or a backslash that browsers read as one, would lead to another host.
    """
    plain = all("!" <= it <= "~" for it in text)
    is_own = plain and text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_own else "/"


async def read_form(request: Request) -> dict[str, str]:
    """Read a form sent by a browser; of repeated fields, the last.

    Raises:
        HttpProblem: It is larger than any form of ours, or not text.
    """
    body = bytearray()
    async for chunk in request.chunks():
        body += chunk
        if len(body) > _MOST_BYTES:
            detail = f"The form may have at most {_MOST_BYTES} bytes"
            raise HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError as error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "The form is not text") from error


def _form_page(visit: Visit, there: str, status: int, why: str) -> Response:
    words = visit.words
    return answer(
        visit,
        words("sign-in"),
        element("p", why, class_="notice", role="alert") if why else Html(""),
        form(
            "/session",
            # For visitors who keep the key in the browser's password manager.
            element("input", name="user", value="eps", autocomplete="username", hidden=""),
            blank(
                words("sign-in.key"),
                "key",
                "",
                type="password",
                required="",
                autocomplete="current-password",
                maxlength="4096",
                size="40",
            ),
            element("input", type="hidden", name="next", value=there),
            button(words("sign-in")),
            method="post",
            class_="act",
        ),
        element("p", words("sign-in.note"), class_="soft"),
        status=status,
        headers=CHALLENGE if status == HTTPStatus.UNAUTHORIZED else None,
    )


def _lead(there: str, cookie: str) -> Response:
    headers = {"Location": there, "Set-Cookie": cookie, "Cache-Control": "no-store"}
    return Response(HTTPStatus.SEE_OTHER, b"", "text/plain; charset=utf-8", headers)
