"""Answers of TikTok's API for Business (API for Business, Return codes)."""

from http import HTTPStatus
from typing import Any, Final

from functions.senders.answering import Answer, Taken

_CODES: Final = {HTTPStatus.UNAUTHORIZED: 40105, HTTPStatus.SERVICE_UNAVAILABLE: 50002}
_INVALID: Final = 40002


def answer(taken: Taken, correlation_id: str) -> Answer:
    """Answer a call: 200, or 400 if there were events and none could be read."""
    if taken.refused and not taken.records:
        first = taken.refused[0]
        message = f"event {first.position}: {first.fault}"
        return Answer(HTTPStatus.BAD_REQUEST, explain(400, message, correlation_id))
    failed = [
        {"order_in_batch": refused.position, "error_message": str(refused.fault)}
        for refused in taken.refused
    ]
    return Answer(
        HTTPStatus.OK,
        {
            "code": 0,
            "message": "OK",
            "request_id": correlation_id,
            "data": {"failed_events": failed} if failed else {},
        },
    )


def explain(status: int, message: str, correlation_id: str) -> dict[str, Any]:
    """Write an error as TikTok does."""
    code = _CODES.get(HTTPStatus(status), _INVALID)
    return {"code": code, "message": message, "request_id": correlation_id, "data": {}}
