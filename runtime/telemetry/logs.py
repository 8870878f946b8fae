"""Structured logs: JSON lines, or readable ones for a terminal.

Lines are gathered for a moment and written by a separate thread: at
thousands of requests per second a system call for each would cost more than
the line, and a reader that stands still would stop the event loop. Warnings
and errors are written at once, with everything waiting before them.
"""

import atexit
import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal, TypeGuard

import msgspec
import structlog

from runtime.telemetry.in_words import in_words
from runtime.telemetry.lines import DirectLines, Lines, LineWriter

correlation_id: Final[ContextVar[str | None]] = ContextVar("correlation_id", default=None)
"""The request in hand, added to every line about it."""

trace_id: Final[ContextVar[str | None]] = ContextVar("trace_id", default=None)
"""The trace that the request in hand belongs to, if any."""

_GATHER_SECONDS = 0.05
_DRIVERS: Final = {"asyncpg", "nats"}
"""Libraries whose errors quote a server, or report a broken connection."""

_traced: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Formats tracebacks without the values of variables: passwords are among them."""


def configure(
    level: str, form: Literal["json", "console"], service: str, *, gathered: bool = True
) -> None:
    """Set up logging for the process, including the warnings of libraries.

    Args:
        level: The lowest level that is written.
        form: The format of a line.
        service: The function's name, on every line.
        gathered: Whether lines may wait for others, and for a thread; not if the
            process may be frozen between two pieces of work.
    """
    threshold = logging.getLevelName(level.upper())
    render = _JsonLine(service)
    lines = _gathering(render) if gathered else DirectLines(sys.stdout.fileno())
    structlog.configure(
        processors=[render] if form == "json" else _readable(),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_args: _Levels(lines),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(threshold, logging.WARNING), force=True)


def _gathering(render: "_JsonLine") -> LineWriter:
    lines = LineWriter(
        sys.stdout.fileno(),
        gather_seconds=_GATHER_SECONDS,
        tell_lost=lambda lost: render(None, "error", {"event": "log lines lost", "lines": lost}),
    )
    atexit.register(lines.close)
    return lines


class _JsonLine:
    """Renders a line in one step: there is one for every request."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def __call__(self, logger: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
        if "exc_info" in event:
            event = _traced(logger, level, event)
        line = {
            "timestamp": datetime.now(UTC),
            "level": level,
            "service": self._service,
            "message": event.pop("event"),
        }
        return self._encode(line | _identified(event)) + b"\n"


def _identified(event: MutableMapping[str, Any]) -> dict[str, Any]:
    identity, trace = correlation_id.get(), trace_id.get()
    if trace is not None:
        return {"correlation_id": identity, "trace_id": trace, **event}
    return {**event} if identity is None else {"correlation_id": identity, **event}


def _readable() -> list[Any]:
    return [
        lambda _logger, _level, event: _identified(event),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the other one shows variables
        ),
        lambda _logger, _level, line: f"{line}\n".encode(),
    ]


class _Levels:
    """Receives rendered lines: structlog calls the method named after their level."""

    def __init__(self, lines: Lines) -> None:
        self.debug = self.info = lines.write
        self.warning = self.error = self.critical = partial(lines.write, at_once=True)


def _of_driver(error: BaseException | None) -> TypeGuard[BaseException]:
    return type(error).__module__.partition(".")[0] in _DRIVERS


class _Forward(logging.Handler):
    """Forwards records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        log, text = structlog.get_logger(), record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError) or _of_driver(error):
            # For a broken connection, the place in the library that noticed it helps nobody.
            first, _, _ = text.partition("\n")
            log.log(
                record.levelno, "library", logger=record.name, text=first, error=in_words(error)
            )
            return
        log.log(
            record.levelno,
            "library",
            logger=record.name,
            text=text,
            exc_info=record.exc_info,
        )
