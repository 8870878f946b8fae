"""The frame around every page's content, and how a page is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from functions.errors import Fault
from functions.parameters import Params
from functions.reporter.pipeline import PipelineReport
from runtime.http.html import Html, element, join
from runtime.http.negotiation import HTML
from runtime.http.pages.assets import SCRIPT, STYLE
from runtime.http.pages.words import LANGUAGES, Words, choose
from runtime.http.pages.writing import moment
from runtime.http.request import Request
from runtime.http.responses import Response
from runtime.http.sessions import cookie_of

LANGUAGE_COOKIE: Final = "eps_language"

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types eps"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, with which Chromium sends "Origin: null" from our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language, Cookie",
}

_PAGES: Final = (
    ("nav.reports", "/"),
    ("nav.pipeline", "/pipeline"),
    ("nav.letters", "/dead-letters"),
    ("nav.trail", "/trail"),
    ("nav.api", "/api"),
)

_RANGE_KEYS: Final = (("d", "today"), ("w", "7d"), ("m", "28d"))
_KEY_NAMES: Final = {"Escape": "Esc"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page.

    Attributes:
        path: The page's own.
        params: The address's, without the language.
        signed_in: Whether there is a session to end.
        chosen: The language in the address; empty for none.
    """

    words: Words
    path: str
    params: Params
    signed_in: bool = False
    chosen: str = ""
    strip: Html = field(default=Html(""))


def visit_of(request: Request, path: str, *, signed_in: bool = False) -> Visit:
    """Read a page request, with its language.

    Raises:
        Invalid: The query is not text.
    """
    chosen = next((text for name, text in request.params if name == "lang"), "")
    words = choose(
        chosen,
        cookie_of(request.headers, LANGUAGE_COOKIE),
        request.headers.get("accept-language", ""),
    )
    params = [(name, text) for name, text in request.params if name != "lang"]
    return Visit(words, path, params, signed_in, chosen if chosen in LANGUAGES else "")


def answer(
    visit: Visit,
    title: str,
    *content: Html,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a page."""
    kept = f"{LANGUAGE_COOKIE}={visit.chosen}; SameSite=Lax; Path=/; Max-Age=31536000"
    cookie = {"Set-Cookie": kept} if visit.chosen else {}
    document = element(
        "html", _head(visit, title), _body(visit, title, content), lang=visit.words.code
    )
    return Response(
        status,
        f"<!doctype html>\n{document}\n".encode(),
        f"{HTML}; charset=utf-8",
        {**HEADERS, **cookie, **(headers or {})},
    )


def fault_page(
    visit: Visit,
    status: int,
    correlation_id: str,
    faults: Sequence[Fault],
    remedy: Html | None = None,
) -> Response:
    """Answer with a page that explains why something can't be shown, and what to do.

    Args:
        visit: The request.
        status: Of the answer.
        correlation_id: The request's.
        faults: Its faults, as a program gets them.
        remedy: A link that helps, beside the link to the start page.
    """
    words = visit.words
    told = [
        element(
            "li",
            *([element("code", it.field), ": "] if it.field else []),
            element("span", it.message, lang="en"),
        )
        for it in faults
    ]
    return answer(
        visit,
        words("error"),
        element("p", words.texts.get(f"error.{status}", ""), class_="notice failing"),
        element("ul", *told) if told else Html(""),
        remedy or Html(""),
        element("p", element("a", words("error.home"), href="/")),
        element("p", words("error.id", id=correlation_id), class_="soft"),
        status=status,
    )


def strip_of(words: Words, report: PipelineReport) -> Html:
    """Say in one line whether figures can be trusted, with a link to the pipeline page."""
    failing = [check for check in report.checks if check.state == "failing"]
    if report.checks[0].state == "failing":
        state, text = "failing", f"✗ {words('strip.away')}"
    elif failing:
        counts = words("strip.failing", count=len(failing), all=len(report.checks))
        state, text = "failing", f"✗ {counts}"
    elif report.complete_until is None:
        state, text = "unknown", words("strip.unknown")
    else:
        until = moment(report.complete_until.astimezone(UTC), seconds=True)
        state, text = "ok", f"✓ {words('strip.ok', moment=f'{until} UTC')}"
    return element("a", text, href="/pipeline", class_=f"strip {state}")


def address(path: str, params: Params | Mapping[str, str]) -> str:
    """Build an address of ours."""
    query = urlencode(list(params.items()) if isinstance(params, Mapping) else list(params))
    return f"{path}?{query}" if query else path


def selection(
    label: str, name: str, options: Sequence[tuple[str, str]], chosen: str | None
) -> Html:
    """Write a labelled select list; an option is a value and a text."""
    written = [
        element("option", text, value=value, **({"selected": ""} if value == chosen else {}))
        for value, text in options
    ]
    return element("label", label, element("select", *written, name=name))


def blank(label: str, name: str, value: str, **attributes: str) -> Html:
    """Write a labelled input field."""
    return element("label", label, element("input", name=name, value=value, **attributes))


def form(action: str, *fields: Html, method: str = "get", **attributes: str) -> Html:
    """Write a form."""
    return element("form", *fields, action=action, method=method, **attributes)


def button(text: str, **attributes: str) -> Html:
    """Write a form's submit button."""
    return element("button", text, type="submit", **attributes)


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], caption: str) -> Html:
    """Write a table.

    Args:
        heads: A class and a text for each column; ``n`` for numbers.
        rows: The first cell of each is its head.
        caption: For readers who don't see the heading above it.
    """
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element(
                "thead",
                element("tr", *(element("th", it, scope="col", class_=kind) for kind, it in heads)),
            ),
            element("tbody", *(_row(heads, row) for row in rows)),
        ),
        class_="wide",
        tabindex="0",  # scrollable by keyboard as well
        role="region",
        aria_label=caption,
    )


def shortcut(key: str) -> dict[str, str]:
    """Write the attributes of a link that a key follows."""
    return {"data_key": key, "aria_keyshortcuts": key}


def now() -> datetime:
    """Return the current time, UTC."""
    return datetime.now(UTC)


def _row(heads: Sequence[tuple[str, str]], row: Sequence[str]) -> Html:
    first, *others = row
    cells = [
        element("td", cell, class_=kind) for (kind, _), cell in zip(heads[1:], others, strict=True)
    ]
    return element("tr", element("th", first, scope="row"), *cells)


def _head(visit: Visit, title: str) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – {visit.words('product')}"),  # noqa: RUF001
        element("link", rel="icon", href="data:,"),
        element("link", rel="stylesheet", href=STYLE.path),
        element("script", src=SCRIPT.path, defer=""),
    )


def _body(visit: Visit, title: str, content: Sequence[Html]) -> Html:
    words = visit.words
    links = [
        element(
            "a", words(name), href=path, **({"aria_current": "page"} if path == visit.path else {})
        )
        for name, path in _PAGES
    ]
    return element(
        "body",
        element("a", words("skip"), href="#content", class_="skip"),
        element(
            "header",
            element("nav", *links, aria_label=words("nav")),
            element("div", visit.strip, _languages(visit), _sign_out(visit), class_="aside"),
        ),
        element("main", element("h1", title), join(list(content)), id="content", tabindex="-1"),
        _keys(visit),
        data_stale=words("stale", moment="{moment}"),
        data_pause=words("pause"),
        data_go_on=words("go-on"),
    )


def _keys(visit: Visit) -> Html:
    """List the keys that follow links, with a switch; hidden unless scripts run."""
    words, on_reports = visit.words, visit.path == "/"
    given = dict(visit.params) if on_reports else {}
    kept = {name: text for name, text in given.items() if name not in ("range", "from", "to")}
    compared = {name: text for name, text in given.items() if name != "compare"}
    if given.get("compare") != "none":
        compared["compare"] = "none"
    links = [(key, address("/", {**kept, "range": it}), f"range.{it}") for key, it in _RANGE_KEYS]
    if on_reports:
        links += [("x", address("/", compared), "keys.compare"), ("Escape", "/", "keys.clear")]
    rows = [
        element(
            "li",
            element("kbd", _KEY_NAMES.get(key, key.upper())),
            " ",
            element("a", words(text), href=there, **shortcut(key)),
        )
        for key, there, text in [*links, ("/", "/trail", "keys.trail")]
    ]
    arrows = [element("kbd", "←"), element("kbd", "→"), f" {words('keys.arrows')}"]
    switch = element("input", type="checkbox", checked="", autocomplete="off")
    return element(
        "details",
        element("summary", words("keys"), " ", element("kbd", "?")),
        element("ul", *rows, *([element("li", *arrows)] if on_reports else [])),
        element("label", switch, words("keys.on")),
        id="keys",
        class_="keys",
        hidden="",
    )


def _languages(visit: Visit) -> Html:
    return join(
        [
            element(
                "a",
                other("language"),
                href=address(visit.path, [*visit.params, ("lang", code)]),
                lang=code,
                hreflang=code,
            )
            for code, other in LANGUAGES.items()
            if code != visit.words.code
        ]
    )


def _sign_out(visit: Visit) -> Html:
    if not visit.signed_in:
        return Html("")
    end = button(visit.words("sign-out"), class_="plain")
    return form("/session/end", end, method="post")
