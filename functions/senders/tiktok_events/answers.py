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


_CALL: Final = {
    "event_source": "web",
    "event_source_id": "CSAMPLEPIXEL0001",
    "data": [
        {
            "event": "Purchase",
            "event_time": 1795010400,
            "event_id": "order-2002",
            "user": {"external_id": "crm-77"},
            "properties": {"value": 5980, "currency": "JPY", "order_id": "2002"},
        }
    ],
}

DESCRIPTION: Final = """\
The same interface as TikTok's Events API, version 2.0 (`event/track/`) or 1.0 (`pixel/track/`, \
`pixel/batch/`): point an official SDK here by changing its host. The header `Access-Token` is one \
of `INGEST_API_KEYS`; without keys no token is needed.

An unreadable event is named in the answer and becomes a dead letter; the others are accepted. \
Names, addresses and hashes of users are not stored."""

EXAMPLES: Final = {"application/json": _CALL}
