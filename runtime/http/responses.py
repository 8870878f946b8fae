"""What every HTTP transport answers: the same bodies behind Starlette and Lambda."""

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
"""What RFC 9110 calls a status, where Python's name of it depends on Python's version."""

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, before any transport.

    Attributes:
        headers: Beside Content-Type and Content-Length.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_headers(self) -> dict[str, str]:
        """Describe the body; a 204 has none, and must not say how long it is (RFC 9110, 8.6)."""
        if self.status == HTTPStatus.NO_CONTENT:
            return {}
        return {"content-type": self.content_type, "content-length": str(len(self.body))}


def title_of(status: int) -> str:
    """Name a status as RFC 9110 does."""
    return _NAMES.get(HTTPStatus(status)) or HTTPStatus(status).phrase


class HttpProblem(Exception):
    """The request is refused before any function sees it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str] | None = None) -> Self:
        """Refuse in the words of the status itself."""
        return cls(HTTPStatus(status), HTTPStatus(status).description, headers)


def correlation_id_of(header: str | None) -> str:
    """Take over the sender's correlation id, or make one where it has none or a bad one."""
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
    """Answer what a function or its transport raised; the table of ``functions.errors`` on HTTP."""
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
                "Internal error; the log has more under this correlation id",
                correlation_id,
            )


def _spread(seconds: float) -> int:
    """Choose whole seconds up to twice as many: who is refused together comes back one by one."""
    least = max(1, math.ceil(seconds))
    return randint(least, 2 * least)  # noqa: S311 - nobody gains by guessing it


def answer_receipt(receipt: Receipt, correlation_id: str, *, dry_run: bool = False) -> Response:
    """Answer the gateway's receipt: 202, or 422 where there were events and none was valid.

    Args:
        receipt: What became of the events, or would have become.
        correlation_id: The request's.
        dry_run: Whether they were only judged: 200 then, where it would have been 202.
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
