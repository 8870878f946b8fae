"""The answers of an operation, as an OpenAPI document lists them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from functions.errors import Fault, Invalid, Unavailable
from runtime.http.documentation.schemas import Schema, ref
from runtime.http.hosts import UNKNOWN_HOST
from runtime.http.keys import CHALLENGE, NOT_ADMITTED
from runtime.http.negotiation import CSV
from runtime.http.origins import FOREIGN
from runtime.http.responses import (
    CORRELATION_HEADER,
    JSON,
    PROBLEM,
    Response,
    answer_error,
    problem,
)

CORRELATION_ID = "c7f4e0a2-5d0b-4a55-9f52-0d8b6f1c2e37"
"""The correlation id of every example."""

AS_CSV = (
    "With `Accept: text/csv`, or with `.csv` at the end of the path, the answer is the list as a "
    "table."
)

_HEADERS = {
    CORRELATION_HEADER: {
        "description": "The request's own id if it had a valid one; otherwise a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    }
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "The authentication scheme to use.",
        "required": True,
        "schema": {"type": "string", "const": CHALLENGE["WWW-Authenticate"]},
    }
}


def content(schema: Schema, example: Any = None) -> Schema:
    """Describe a body, with its example if there is one."""
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


def answer(
    description: str,
    bodies: Mapping[str, Schema],
    headers: Mapping[str, Schema] | None = None,
) -> Schema:
    """Describe an answer.

    Args:
        description: When it is given.
        bodies: Its content by media type.
        headers: Its headers besides the correlation id, which every answer has.
    """
    return {
        "description": description,
        "headers": {**_HEADERS, **(headers or {})},
        "content": dict(bodies),
    }


def example_of(given: Response) -> Any:
    """Return an answer's JSON as an example."""
    return msgspec.json.decode(given.body)


def refusal(
    status: HTTPStatus, description: str, detail: str, headers: Mapping[str, Schema] | None = None
) -> Schema:
    """Describe a problem raised by the transport, with its detail as an example."""
    example = example_of(problem(status, detail, CORRELATION_ID))
    return answer(description, {PROBLEM: content(ref("Problem"), example)}, headers)


def not_admitted() -> Schema:
    """Describe the answer to a request with a missing or wrong key."""
    return refusal(
        HTTPStatus.UNAUTHORIZED,
        "The key is missing or wrong. Nothing of the request was read.",
        NOT_ADMITTED,
        _CHALLENGE,
    )


def foreign() -> Schema:
    """Describe the answer to a browser that sends a request for a page of another site."""
    return refusal(
        HTTPStatus.FORBIDDEN,
        "The request was made by a page of another site: `Sec-Fetch-Site` is neither "
        "`same-origin` nor `none`, or, without it, `Origin` is not the `Host`. Nothing of the "
        "body was read.",
        FOREIGN,
    )


def wrong_host() -> Schema:
    """Describe the answer to a request for another host."""
    return refusal(
        HTTPStatus.MISDIRECTED_REQUEST,
        "No keys are set, and the `Host` is not a name of this machine.",
        UNKNOWN_HOST,
    )


def invalid(description: str, *faults: Fault) -> Schema:
    """Describe the answer to a request that can't be understood."""
    example = example_of(answer_error(Invalid(faults), CORRELATION_ID))
    return answer(description, {PROBLEM: content(ref("InvalidProblem"), example)})


def unavailable(description: str) -> Schema:
    """Describe the answer to a request that may be sent again."""
    example = example_of(answer_error(Unavailable(""), CORRELATION_ID))
    return answer(description, {PROBLEM: content(ref("Problem"), example)}, _RETRY_AFTER)


def internal_error() -> Schema:
    """Describe the answer to an internal error."""
    example = example_of(answer_error(Exception(), CORRELATION_ID))
    return answer(
        "An error of this server; its log has the details under the correlation id.",
        {PROBLEM: content(ref("Problem"), example)},
    )


def formed_answer(description: str, name: str, example: Any, *others: str) -> Schema:
    """Describe an answer given as a JSON component or in other text forms, by ``Accept``."""
    forms = {other: content({"type": "string"}) for other in others}
    headers = {
        "Vary": {
            "description": "The request headers by which the form was chosen.",
            "required": True,
            "schema": {"type": "string", "pattern": "^Accept"},
        }
    }
    return answer(description, {JSON: content(ref(name), example), **forms}, headers)


def csv_answer(description: str, headers: Mapping[str, Schema] | None = None) -> Schema:
    """Describe an answer that is a table with a header row."""
    return answer(description, {CSV: content({"type": "string"})}, headers)


def json_answer(description: str, name: str, example: Any = None) -> Schema:
    """Describe an answer that is a JSON component."""
    return answer(description, {JSON: content(ref(name), example)})
