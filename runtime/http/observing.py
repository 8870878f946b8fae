"""What is logged and counted of a request, whatever brought it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog

from functions.errors import Invalid
from runtime.http.refused import RefusedRequests
from runtime.http.responses import Response, answer_error
from runtime.http.senders import Senders
from runtime.telemetry.metrics import HttpMetrics

_log = structlog.get_logger()

_LOGGED_CHARACTERS = 40
"""Of a path that nobody knows."""

_TAKING: Final = frozenset({"/events", "/cloudevents"})
"""Where events come in: a request that is rejected whole may be a sender's loss."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Writes a line and counts a request.

    Attributes:
        metrics: Where it is counted.
        quiet: Routes whose requests are worth a line only to who looks closely.
        senders: Tells who sent a request.
        refused: Warns of requests of whose events none was taken.
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
        """Take note of an answer.

        Args:
            method: The request's.
            path: Its path as it came; its first segment alone is logged where
                there is no such endpoint: what follows may be an id, or a key.
            route: The path as it is declared; None where there is no such
                endpoint. A parameter may be an event's id: it is neither a
                label nor in a log.
            status: Of the answer.
            seconds: From the request to the answer.
            facts: What the endpoint has to say.
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
    """Tell whether all of a request was refused for good; neither a dry run nor who left counts."""
    if facts.get("accepted") or "dry_run" in facts or "left" in facts:
        return False
    if status >= HTTPStatus.BAD_REQUEST:
        return status < HTTPStatus.INTERNAL_SERVER_ERROR
    return bool(facts.get("rejected"))


def _beginning(path: str) -> str:
    first, slash, _ = path.removeprefix("/").partition("/")
    return f"/{first[:_LOGGED_CHARACTERS]}{slash}" if path else ""


def facts_of(error: Exception) -> dict[str, str]:
    """Say for the log why a request as a whole is refused, in words that none of it is in."""
    return {"fault": error.faults[0].code} if isinstance(error, Invalid) else {}


def refuse(error: Exception, correlation_id: str) -> Response:
    """Answer an error, and log those that an operator should know of."""
    answer = answer_error(error, correlation_id)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error)
    elif answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request not taken", reason=str(error))
    return answer
