"""The operator's function behind HTTP."""

from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from functions.operator.answers import OperatorAnswer, to_json
from functions.operator.handler import (
    handle_discard,
    handle_list,
    handle_reopen,
    handle_show,
    handle_summary,
    handle_trail,
)
from functions.operator.ports import DeadLetters, Trails
from functions.operator.questions import parse_trail_question
from functions.operator.replay import ReadEnvelope, handle_replay
from functions.operator.tables import to_csv
from functions.parameters import Params
from runtime.http.csv_responses import CSV_ENDING, csv_answer, wants_csv
from runtime.http.negotiation import VARY
from runtime.http.request import Endpoints, Request
from runtime.http.responses import HttpProblem, Response

NO_SUCH_LETTER: Final = "There is no such dead letter"
NO_SUCH_EVENT: Final = "There is no such event, neither stored nor as a dead letter"


def operator_endpoints(
    letters: DeadLetters, trails: Trails, read_envelope: ReadEnvelope
) -> Endpoints:
    """Make the endpoints of ``/dead-letters`` and ``/events``, which show what senders wrote."""

    async def get_summary(request: Request) -> Response:
        return await _answer(handle_summary(request.params, letters=letters))

    async def get_letter(request: Request) -> Response:
        showing = handle_show(request.path_params["id"], letters=letters)
        return await _answer(showing, NO_SUCH_LETTER)

    async def replay(request: Request) -> Response:
        return await _answer(
            handle_replay(
                request.params,
                letters=letters,
                read_envelope=read_envelope,
                correlation_id=request.correlation_id,
            )
        )

    async def discard(request: Request) -> Response:
        discarding = handle_discard(
            request.params, letters=letters, correlation_id=request.correlation_id
        )
        return await _answer(discarding)

    async def reopen(request: Request) -> Response:
        reopening = handle_reopen(
            request.params, letters=letters, correlation_id=request.correlation_id
        )
        return await _answer(reopening)

    async def find_trail(request: Request) -> Response:
        source, event_id = request.path_params["source"], parse_trail_question(request.params)
        return await _answer(handle_trail(source, event_id, trails=trails), NO_SUCH_EVENT)

    async def get_trail(request: Request) -> Response:
        source, event_id = request.path_params["source"], request.path_params["eventId"]
        return await _answer(handle_trail(source, event_id, trails=trails), NO_SUCH_EVENT)

    return {
        **_listing(letters),
        "/dead-letters/summary": ("GET", get_summary),
        "/dead-letters/replay": ("POST", replay),
        "/dead-letters/discard": ("POST", discard),
        "/dead-letters/reopen": ("POST", reopen),
        "/dead-letters/{id:uuid}": ("GET", get_letter),
        "/events/{source}": ("GET", find_trail),
        "/events/{source}/{eventId:text}": ("GET", get_trail),
    }


def _listing(letters: DeadLetters) -> Endpoints:
    async def get_page(request: Request) -> Response:
        if wants_csv(request):
            return await get_table(request)
        page = await handle_list(request.params, letters=letters)
        return Response(HTTPStatus.OK, to_json(page), headers=VARY)

    async def get_table(request: Request) -> Response:
        params = request.params
        page = await handle_list(params, letters=letters)
        table = csv_answer(to_csv(page), "dead-letters.csv")
        if page.next_cursor is None:
            return table
        return replace(table, headers={**table.headers, **_next(params, page.next_cursor)})

    return {
        "/dead-letters": ("GET", get_page),
        f"/dead-letters{CSV_ENDING}": ("GET", get_table),
    }


def _next(params: Params, cursor: str) -> dict[str, str]:
    """Link to the next rows (RFC 8288): a table has no place for a cursor."""
    others = [(name, value) for name, value in params if name != "cursor"]
    query = urlencode([*others, ("cursor", cursor)])
    return {"Link": f'</dead-letters{CSV_ENDING}?{query}>; rel="next"'}


async def _answer(asking: Awaitable[OperatorAnswer | None], nothing: str = "") -> Response:
    answer = await asking
    if answer is None:
        raise HttpProblem(HTTPStatus.NOT_FOUND, nothing)
    return Response(HTTPStatus.OK, to_json(answer))
