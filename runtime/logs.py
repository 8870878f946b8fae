"""Structured logs: JSON lines, or readable ones for a terminal."""

import logging
import sys
from typing import Any, Literal

import msgspec
import structlog


def configure(level: str, form: Literal["json", "console"], service: str) -> None:
    """Set up logging for the process; libraries' warnings come out the same way.

    Args:
        level: The least level that is written.
        form: What a line looks like.
        service: The function's name, on every line.
    """
    threshold = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_renderers(form, service),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer)
        if form == "json"
        else structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(threshold, logging.WARNING), force=True)


def _renderers(form: str, service: str) -> list[Any]:
    def name_service(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = service
        return event

    if form == "json":
        return [
            name_service,
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ]
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]


_FIRST = ("timestamp", "level", "service", "message")


def _to_json(event: dict[str, Any], **_options: Any) -> bytes:
    event["message"] = event.pop("event")
    ordered = {key: event.pop(key) for key in _FIRST} | event
    return msgspec.json.encode(ordered, enc_hook=str)


class _Forward(logging.Handler):
    """Hands what libraries log through the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        log = structlog.get_logger()
        log.log(
            record.levelno,
            "library",
            logger=record.name,
            text=record.getMessage(),
            exc_info=record.exc_info,
        )
