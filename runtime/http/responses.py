"""The responses of every HTTP transport: Starlette and Lambda send the same bodies."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import getrandbits, randint
from typing import Any, Final, Self
from uuid import UUID

import msgspec

from functions.errors import Fault, Invalid, Unavailable
from functions.gateway.handler import Receipt

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
CORRELATION_HEADER: Final = "X-Correlation-Id"

_NAMES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
}
"""RFC 9110's names of statuses for which Python's names depend on its version."""

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, independent of the transport.

    Attributes:
        headers: Besides Content-Type and Content-Length.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_headers(self) -> dict[str, str]:
        """The headers of the body; a 204 has none and must not state a length (RFC 9110, 8.6)."""
        if self.status == HTTPStatus.NO_CONTENT:
            return {}
        return {"content-type": self.content_type, "content-length": str(len(self.body))}


def title_of(status: int) -> str:
    """Return a status's name in RFC 9110."""
    return _NAMES.get(HTTPStatus(status)) or HTTPStatus(status).phrase


class HttpProblem(Exception):
    """The request is refused before it reaches a function."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str] | None = None) -> Self:
        """Refuse with the status's own name as the text."""
        return cls(HTTPStatus(status), HTTPStatus(status).description, headers)


def correlation_id_of(header: str | None) -> str:
    """Take the sender's correlation id, or make one if it is missing or bad."""
    if header is not None and _CORRELATION_ID.fullmatch(header):
        return header
    return str(UUID(int=getrandbits(128), version=4))  # unique, not secret: no system call


def problem(
    status: int,
    detail: str,
    correlation_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """Answer with a problem (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": detail,
        "correlationId": correlation_id,
        **extra,
    }
    return Response(status, msgspec.json.encode(body), PROBLEM, headers or {})


def answer_error(error: Exception, correlation_id: str) -> Response:
    """Answer a function's or its transport's error, by the table of ``functions.errors``."""
    match error:
        case HttpProblem():
            return problem(error.status, error.detail, correlation_id, headers=error.headers)
        case Invalid():
            errors = [_fault(fault) for fault in error.faults]
            return problem(HTTPStatus.BAD_REQUEST, str(error), correlation_id, errors=errors)
        case Unavailable():
            retry = {"Retry-After": str(_spread(error.retry_after_seconds))}
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Temporarily unavailable. Retry after the given delay; repeating the request"
                " creates no duplicates.",
                correlation_id,
                headers=retry,
            )
        case _:
            return problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "Internal error. The log has the details under this correlation id.",
                correlation_id,
            )


def _spread(seconds: float) -> int:
    """Choose whole seconds, up to twice as many, so that refused senders return spread out."""
    least = max(1, math.ceil(seconds))
    return randint(least, 2 * least)  # noqa: S311 - nobody gains by guessing it


def answer_receipt(receipt: Receipt, correlation_id: str, *, dry_run: bool = False) -> Response:
    """Answer the gateway's receipt: 202, or 422 if there were events and none was valid.

    Args:
        receipt: What became of the events, or would have.
        correlation_id: The request's.
        dry_run: Whether they were only judged: then 200 takes the place of 202.
    """
    fields = _receipt_fields(receipt) | ({"dryRun": True} if dry_run else {})
    if receipt.rejected_total and not receipt.accepted_total:
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "No event is valid", correlation_id, **fields
        )
    body = {
        "accepted": fields.pop("accepted"),
        "rejected": fields.pop("rejected"),
        "correlationId": correlation_id,
        **fields,
    }
    status = HTTPStatus.OK if dry_run else HTTPStatus.ACCEPTED
    return Response(status, msgspec.json.encode(body))


def _receipt_fields(receipt: Receipt) -> dict[str, Any]:
    errors: Sequence[dict[str, Any]] = [
        {"index": rejection.index, "eventId": rejection.event_id, **_fault(rejection.fault)}
        for rejection in receipt.errors
    ]
    fields: dict[str, Any] = {
        "accepted": receipt.accepted_total,
        "rejected": receipt.rejected_total,
        "errors": errors,
    }
    if receipt.errors_truncated:
        fields["errorsTruncated"] = True
    return fields


def _fault(fault: Fault) -> dict[str, str]:
    return {"field": fault.field, "code": fault.code, "message": fault.message}
