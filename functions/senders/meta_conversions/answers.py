"""Answers of the Graph API (Graph API, Handling Errors; Conversions API, Using the API)."""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

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


_CALL: Final = {
    "data": [
        {
            "event_name": "Purchase",
            "event_time": 1795010400,
            "event_id": "order-1001",
            "action_source": "website",
            "user_data": {"external_id": ["crm-77"]},
            "custom_data": {"value": 100.2, "currency": "USD", "order_id": "1001"},
        }
    ]
}

DESCRIPTION: Final = """\
The same interface as Meta's Conversions API: point an official SDK here by changing its host. The \
access token is one of `INGEST_API_KEYS`, as a bearer token, in the query, or in the body; without \
keys no token is needed. The body is JSON, or a form whose field `data` is the array of events, or \
of their texts; `multipart/form-data` works as well.

An unreadable event is named in the answer and becomes a dead letter; the others are accepted. \
Names, addresses and hashes of users are not stored."""

EXAMPLES: Final = {
    "application/json": _CALL,
    "application/x-www-form-urlencoded": urlencode({"data": json.dumps(_CALL["data"])}),
}
