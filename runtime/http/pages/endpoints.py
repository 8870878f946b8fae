"""The pages' endpoints: who may see which, and which page answers a browser on an API path."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from functions.errors import Invalid, Unavailable
from functions.operator.handler import (
    handle_discard,
    handle_list,
    handle_reopen,
    handle_show,
    handle_summary,
    handle_trail,
)
from functions.operator.ports import DeadLetters, Trails
from functions.operator.replay import ReadEnvelope, handle_replay
from functions.parameters import Params
from functions.reporter.handler import Reports
from functions.reporter.overview import handle_overview
from functions.reporter.pipeline import Pipeline, handle_pipeline
from runtime.api_keys import ApiKeys
from runtime.http.html import Html
from runtime.http.negotiation import CSV, HTML, VARY, preferred
from runtime.http.pages.assets import asset_endpoints
from runtime.http.pages.frame import (
    Visit,
    address,
    fault_page,
    now,
    strip_of,
    visit_of,
)
from runtime.http.pages.letters import (
    FILTERS,
    PROGRESS,
    Progress,
    discard_page,
    letter_page,
    letters_page,
    reopen_page,
    replay_page,
)
from runtime.http.pages.pipeline import pipeline_page
from runtime.http.pages.reports import reports_page
from runtime.http.pages.sign_in import ask_to_sign_in, read_form, sign_in_endpoints
from runtime.http.pages.trail import trail_page
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import JSON, Response
from runtime.http.sessions import Sessions

_LIST_LENGTH: Final = "25"
_NEWEST: Final = 20
_SUMMARY_FILTERS: Final = frozenset({"from", "to", "id", "reason", "source", "field", "state"})

Render = Callable[[Visit, Request], Awaitable[Response | None]]
"""Renders a page; None if there is nothing at its address."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts that pages need.

    Attributes:
        sessions: The sessions.
        readers: Keys that open the reports and the pipeline page; none if those are open.
        operators: Keys that open dead letters and events.
    """

    reports: Reports
    pipeline: Pipeline
    letters: DeadLetters
    trails: Trails
    read_envelope: ReadEnvelope
    sessions: Sessions
    readers: ApiKeys
    operators: ApiKeys


def page_endpoints(pages: Pages, others: Endpoints) -> Endpoints:
    """Make the endpoints of all pages, and the API's next to them.

    Args:
        pages: What the pages need.
        others: The API's, guarded. Where a page shares a path with one, the page
            answers clients that prefer HTML.
    """
    own = {
        **_reading(pages),
        **_operating(pages),
        **sign_in_endpoints(pages.sessions),
        **asset_endpoints(),
    }
    both = {
        path: (method, _by_accept(others[path][1], page, html_first=path == "/pipeline"))
        for path, (method, page) in own.items()
        if path in others
    }
    return {**others, **own, **both}


def _reading(pages: Pages) -> Endpoints:
    async def reports(visit: Visit, _request: Request) -> Response:
        seen = await handle_overview(visit.params, reports=pages.reports, now=now())
        return reports_page(visit, seen)

    async def pipeline(visit: Visit, _request: Request) -> Response:
        report, figures = await handle_pipeline(visit.params, pipeline=pages.pipeline, now=now())
        return pipeline_page(visit, report, figures)

    return {
        path: ("GET", _page(pages, path, pages.readers, render))
        for path, render in (("/", reports), ("/pipeline", pipeline))
    }


def _operating(pages: Pages) -> Endpoints:
    letters = pages.letters

    async def letter_list(visit: Visit, _request: Request) -> Response:
        visit = replace(visit, params=_filled(visit.params))
        chosen = [(name, text) for name, text in visit.params if name in _SUMMARY_FILTERS]
        limited = [("limit", _LIST_LENGTH), *(it for it in visit.params if it[0] != "limit")]
        page = await handle_list(limited, letters=letters)
        return letters_page(visit, page, await handle_summary(chosen, letters=letters))

    async def letter(visit: Visit, request: Request) -> Response | None:
        found = await handle_show(request.path_params["id"], letters=letters)
        return None if found is None else letter_page(visit, found)

    async def replay(visit: Visit, request: Request) -> Response:
        progress = await _progress(visit.params, letters)
        done = await handle_replay(
            [(name, text) for name, text in visit.params if name not in PROGRESS],
            letters=letters,
            read_envelope=pages.read_envelope,
            correlation_id=request.correlation_id,
        )
        return replay_page(visit, done, progress.after(done))

    async def discard(visit: Visit, request: Request) -> Response:
        tried = [*(it for it in visit.params if it[0] != "dryRun"), ("dryRun", "true")]
        found = await handle_discard(tried, letters=letters, correlation_id=request.correlation_id)
        if dict(visit.params).get("dryRun") == "true":
            return discard_page(visit, found)
        typed = (await read_form(request)).get("confirm", "")
        if "".join(typed.split()) != str(found.discarded):
            return discard_page(visit, found, wrong=True)
        done = await handle_discard(
            visit.params, letters=letters, correlation_id=request.correlation_id
        )
        return discard_page(visit, done)

    async def reopen(visit: Visit, request: Request) -> Response:
        done = await handle_reopen(
            visit.params, letters=letters, correlation_id=request.correlation_id
        )
        return reopen_page(visit, done)

    async def trail(visit: Visit, _request: Request) -> Response:
        asked = dict(visit.params)
        event_id = asked.get("id", "").strip()
        if not event_id:
            newest = await pages.trails.find_newest(limit=_NEWEST)
            return trail_page(visit, None, asked=False, newest=newest)
        found = await handle_trail(asked.get("source", ""), event_id, trails=pages.trails)
        return trail_page(visit, found, asked=True)

    renders: Sequence[tuple[str, str, Render]] = (
        ("GET", "/dead-letters", letter_list),
        ("GET", "/dead-letters/{id:uuid}", letter),
        ("POST", "/dead-letters/replay", replay),
        ("POST", "/dead-letters/discard", discard),
        ("POST", "/dead-letters/reopen", reopen),
        ("GET", "/trail", trail),
    )
    return {
        path: (method, _page(pages, path, pages.operators, render, changes=method == "POST"))
        for method, path, render in renders
    }


async def _progress(params: Params, letters: DeadLetters) -> Progress:
    """Read how far a replay is; one that starts has its letters counted."""
    progress = Progress.read(params)
    if progress.total:
        return progress
    chosen = [(name, text) for name, text in params if name in FILTERS]
    open_now = await handle_summary(chosen, letters=letters)
    return replace(progress, total=open_now.total_letters)


def _page(
    pages: Pages, path: str, keys: ApiKeys, render: Render, *, changes: bool = False
) -> Endpoint:
    """Make a page's endpoint: it checks who may see it, and reports faults as HTML."""
    sessions = pages.sessions
    shown_path = path if "{" not in path and not changes else "/dead-letters"

    async def respond(request: Request) -> Response:
        signed_in = sessions.visitor(request, sessions.keys) is not None
        visit = visit_of(request, shown_path, signed_in=signed_in)
        if not sessions.admits(request, keys, changes=changes):
            there = shown_path if changes else address(_here(path, request), visit.params)
            return ask_to_sign_in(visit, request, there, signed_in=signed_in)
        visit = replace(visit, strip=await _strip(pages, request, visit))
        try:
            answer = await render(visit, request)
        except Invalid as error:
            status = HTTPStatus.BAD_REQUEST
            return fault_page(visit, status, request.correlation_id, error.faults)
        except Unavailable:
            return fault_page(visit, HTTPStatus.SERVICE_UNAVAILABLE, request.correlation_id, ())
        return answer or fault_page(visit, HTTPStatus.NOT_FOUND, request.correlation_id, ())

    return respond


def _here(path: str, request: Request) -> str:
    for name, value in request.path_params.items():
        path = path.replace(f"{{{name}:uuid}}", str(value))
    return path


async def _strip(pages: Pages, request: Request, visit: Visit) -> Html:
    """Summarize the system's state for a visitor who may see it."""
    if not pages.sessions.admits(request, pages.readers, changes=False):
        return Html("")
    report, _ = await handle_pipeline([], pipeline=pages.pipeline, now=now())
    return strip_of(visit.words, report)


def _by_accept(program: Endpoint, person: Endpoint, *, html_first: bool) -> Endpoint:
    """Answer programs and people on one path, each in their own form."""
    offered = (HTML, JSON, CSV) if html_first else (JSON, HTML, CSV)

    async def respond(request: Request) -> Response:
        wanted = preferred(request.headers.get("accept", ""), offered)
        if wanted == HTML:
            return await person(request)
        answer = await program(request)
        return replace(answer, headers={**VARY, **answer.headers})

    return respond


def _filled(params: Params) -> Params:
    """Drop the fields that a form sends empty."""
    return [(name, text) for name, text in params if text]
