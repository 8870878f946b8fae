"""Answers of the Graph API (Graph API, Handling Errors; Conversions API, Using the API)."""

from http import HTTPStatus
from typing import Any, Final

from functions.senders.answering import Answer, Taken

_CODES: Final = {HTTPStatus.UNAUTHORIZED: 190, HTTPStatus.SERVICE_UNAVAILABLE: 2}
_INVALID: Final = 100


def answer(taken: Taken, correlation_id: str) -> Answer:
    """Answer a call: 200, or 400 if there were events and none could be read."""
    messages = [f"data[{refused.position}]: {refused.fault}" for refused in taken.refused]
    if taken.refused and not taken.records:
        return Answer(HTTPStatus.BAD_REQUEST, explain(400, messages[0], correlation_id))
    body = {
        "events_received": taken.records,
        "messages": messages,
        "fbtrace_id": correlation_id,
    }
    return Answer(HTTPStatus.OK, body)


def explain(status: int, message: str, correlation_id: str) -> dict[str, Any]:
    """Write an error as the Graph API does."""
    error: dict[str, Any] = {
        "message": message,
        "type": "OAuthException",
        "code": _CODES.get(HTTPStatus(status), _INVALID),
        "fbtrace_id": correlation_id,
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        error["is_transient"] = True
    return {"error": error}
