"""A function behind HTTP: its routes, and what every function has beside them."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.health import Health
from runtime.http.answers import (
    CORRELATION_HEADER,
    Answer,
    HttpProblem,
    answer_error,
    correlation_id_of,
)
from runtime.metrics import HttpMetrics

_log = structlog.get_logger()

Endpoint = Callable[[Request], Awaitable[Answer]]


def create_app(
    endpoints: Mapping[str, tuple[str, Endpoint]],
    *,
    health: Health,
    registry: CollectorRegistry,
    metrics: HttpMetrics,
) -> ASGIApp:
    """Make the ASGI application of a function.

    Args:
        endpoints: Method and endpoint by path.
        health: What the probes ask.
        registry: What ``/metrics`` shows.
        metrics: Where requests are counted.
    """
    common = _common_endpoints(health, registry)
    routes = [
        Route(path, _route(endpoint), methods=[method])
        for path, (method, endpoint) in {**endpoints, **common}.items()
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_exception})
    app.router.redirect_slashes = False
    return _Observed(app, metrics, quiet=frozenset(common))


def _common_endpoints(
    health: Health, registry: CollectorRegistry
) -> dict[str, tuple[str, Endpoint]]:
    async def live(_request: Request) -> Answer:
        alive = health.is_alive()
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, msgspec.json.encode({"status": "live" if alive else "dead"}))

    async def ready(_request: Request) -> Answer:
        is_ready, checks = await health.readiness()
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        body = {"status": "ready" if is_ready else "unavailable", "checks": checks}
        return Answer(status, msgspec.json.encode(body))

    async def metrics(_request: Request) -> Answer:
        return Answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)

    return {
        "/health/live": ("GET", live),
        "/health/ready": ("GET", ready),
        "/metrics": ("GET", metrics),
    }


def _route(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            return _response(await endpoint(request))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        except Exception as error:  # noqa: BLE001 - the table decides, and logs what it does not know
            answer = answer_error(error, request.state.correlation_id)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _log_failure(answer.status, error)
            return _response(answer)

    return respond


def _log_failure(status: int, error: Exception) -> None:
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error)
    else:
        _log.warning("request not taken", reason=str(error))


async def _http_exception(request: Request, error: Exception) -> Response:
    status, headers = HTTPStatus.INTERNAL_SERVER_ERROR, None
    if isinstance(error, HTTPException):
        status, headers = HTTPStatus(error.status_code), error.headers
    refused = HttpProblem(status, status.description, headers)
    return _response(answer_error(refused, request.state.correlation_id))


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return Response(answer.body, answer.status, headers)


class _Observed:
    """Gives every request its correlation id, a line in the log, and a place in the metrics."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, quiet: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation_id = correlation_id_of(_header(scope["headers"], CORRELATION_HEADER))
        scope["state"] = {"correlation_id": correlation_id, "facts": {}}
        sent = (CORRELATION_HEADER.lower().encode(), correlation_id.encode())
        status = 0

        async def send_identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], sent]
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            try:
                await self._app(scope, receive, send_identified)
            finally:
                self._observe(scope, status, time.perf_counter() - started)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if "endpoint" in scope else "unknown"
        self._metrics.answered(route, status, seconds)
        log = _log.debug if route in self._quiet else _log.info
        log(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=round(seconds, 4),
            **scope["state"]["facts"],
        )


def _header(headers: Sequence[tuple[bytes, bytes]], name: str) -> str | None:
    wanted = name.lower().encode()
    for key, value in headers:
        if key == wanted:
            return value.decode("latin-1")
    return None
