"""The operator's function behind HTTP."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final

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
from functions.operator.replay import Judgement, handle_replay
from runtime.http.answers import Answer, HttpProblem
from runtime.http.request import Endpoints, Request

NO_SUCH_LETTER: Final = "There is no such dead letter"
NO_SUCH_EVENT: Final = "There is no such event, neither stored nor dead"


def operator_endpoints(letters: DeadLetters, trails: Trails, judgement: Judgement) -> Endpoints:
    """Make the endpoints of ``/dead-letters`` and ``/events``: they show what senders wrote."""

    async def get_page(request: Request) -> Answer:
        return await _answer(handle_list(request.params, letters=letters))

    async def get_summary(request: Request) -> Answer:
        return await _answer(handle_summary(request.params, letters=letters))

    async def get_letter(request: Request) -> Answer:
        showing = handle_show(request.path_params["id"], letters=letters)
        return await _answer(showing, NO_SUCH_LETTER)

    async def replay(request: Request) -> Answer:
        return await _answer(
            handle_replay(
                request.params,
                letters=letters,
                judgement=judgement,
                correlation_id=request.correlation_id,
            )
        )

    async def discard(request: Request) -> Answer:
        discarding = handle_discard(
            request.params, letters=letters, correlation_id=request.correlation_id
        )
        return await _answer(discarding)

    async def reopen(request: Request) -> Answer:
        reopening = handle_reopen(
            request.params, letters=letters, correlation_id=request.correlation_id
        )
        return await _answer(reopening)

    async def get_trail(request: Request) -> Answer:
        source, event_id = request.path_params["source"], request.path_params["eventId"]
        return await _answer(handle_trail(source, event_id, trails=trails), NO_SUCH_EVENT)

    return {
        "/dead-letters": ("GET", get_page),
        "/dead-letters/summary": ("GET", get_summary),
        "/dead-letters/replay": ("POST", replay),
        "/dead-letters/discard": ("POST", discard),
        "/dead-letters/reopen": ("POST", reopen),
        "/dead-letters/{id:uuid}": ("GET", get_letter),
        "/events/{source}/{eventId:text}": ("GET", get_trail),
    }


async def _answer(asking: Awaitable[OperatorAnswer | None], nothing: str = "") -> Answer:
    answer = await asking
    if answer is None:
        raise HttpProblem(HTTPStatus.NOT_FOUND, nothing)
    return Answer(HTTPStatus.OK, to_json(answer))
