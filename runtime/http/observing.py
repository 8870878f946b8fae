"""The log and metrics of a request, on any transport."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog

from functions.errors import Invalid
from functions.senders.table import SENDERS
from runtime.http.refused import RefusedRequests
from runtime.http.responses import Response, answer_error
from runtime.http.senders import Senders
from runtime.telemetry.metrics import HttpMetrics

_log = structlog.get_logger()

_KIND: Final = re.compile(r"\{(\w+):\w+\}")
_LOGGED_CHARACTERS = 40
"""How much of an unknown path is logged."""

_TAKING: Final = frozenset(
    {
        "/events",
        "/cloudevents",
        *(_KIND.sub(r"{\1}", path) for sender in SENDERS for path in sender.paths),
    }
)
"""The endpoints that accept events: a request rejected whole may be a sender's loss."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Logs and counts a request.

    Attributes:
        metrics: Where it is counted.
        quiet: Routes whose requests are logged at debug level only.
        senders: Identifies the sender of a request.
        refused: Warns of requests none of whose events was taken.
    """

    metrics: HttpMetrics
    quiet: frozenset[str] = field(default_factory=frozenset)
    senders: Senders = field(default_factory=Senders)
    refused: RefusedRequests = field(default_factory=RefusedRequests)

    def answered(
        self,
        *,
        method: str,
        path: str,
        route: str | None,
        status: int,
        seconds: float,
        facts: Mapping[str, Any],
    ) -> None:
        """Record an answer.

        Args:
            method: The request's.
            path: Its path as received. If there is no such endpoint, only the first
                segment is logged: the rest may be an id or a key.
            route: The path as declared; None if there is no such endpoint. A
                parameter may be an event's id, so it is neither a label nor logged.
            status: The answer's.
            seconds: From the request to the answer.
            facts: The endpoint's own fields.
        """
        self.metrics.answered(route or "unknown", status, seconds)
        log = _log.debug if route in self.quiet else _log.info
        log(
            "request",
            method=method,
            path=route or _beginning(path),
            status=status,
            seconds=round(seconds, 4),
            **facts,
        )
        if route in _TAKING and _is_rejected_whole(status, facts):
            self.refused.add(status, facts)


def _is_rejected_whole(status: int, facts: Mapping[str, Any]) -> bool:
    """Return whether a request was refused for good; dry runs and disconnects don't count."""
    if facts.get("accepted") or "dry_run" in facts or "left" in facts:
        return False
    if status >= HTTPStatus.BAD_REQUEST:
        return status < HTTPStatus.INTERNAL_SERVER_ERROR
    return bool(facts.get("rejected"))


def _beginning(path: str) -> str:
    first, slash, _ = path.removeprefix("/").partition("/")
    return f"/{first[:_LOGGED_CHARACTERS]}{slash}" if path else ""


def facts_of(error: Exception) -> dict[str, str]:
    """Describe for the log why a whole request is refused, without quoting any of it."""
    return {"fault": error.faults[0].code} if isinstance(error, Invalid) else {}


def refuse(error: Exception, correlation_id: str) -> Response:
    """Turn an error into an answer, and log it if an operator should know."""
    answer = answer_error(error, correlation_id)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error)
    elif answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request not accepted", reason=str(error))
    return answer
