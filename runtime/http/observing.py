"""What is logged and counted of a request, whatever brought it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog

from runtime.http.answers import Answer, answer_error
from runtime.metrics import HttpMetrics

_log = structlog.get_logger()

_LOGGED_CHARACTERS = 40
"""Of a path that nobody knows."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Writes a line and counts a request.

    Attributes:
        metrics: Where it is counted.
        quiet: Routes whose requests are worth a line only to who looks closely.
    """

    metrics: HttpMetrics
    quiet: frozenset[str] = field(default_factory=frozenset)

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


def _beginning(path: str) -> str:
    first, slash, _ = path.removeprefix("/").partition("/")
    return f"/{first[:_LOGGED_CHARACTERS]}{slash}" if path else ""


def refuse(error: Exception, correlation_id: str) -> Answer:
    """Answer an error, and log those that an operator should know of."""
    answer = answer_error(error, correlation_id)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error)
    elif answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request not taken", reason=str(error))
    return answer
