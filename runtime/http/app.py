"""A function behind HTTP: its routes, and what every function has beside them."""

import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime import logs
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

_CORRELATION_HEADER = CORRELATION_HEADER.lower().encode()

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
        Route(path, _Answering(compile_path(path)[1], endpoint), methods=[method])
        for path, (method, endpoint) in {**endpoints, **common}.items()
    ]
    return _App(routes, metrics, quiet=frozenset(common))


class _App(Starlette):
    """Starlette with one layer, ours, in place of its two for errors: one table answers them all.

    Each layer costs every request as much as judging its event.
    """

    def __init__(self, routes: list[Route], metrics: HttpMetrics, quiet: frozenset[str]) -> None:
        super().__init__(routes=routes)
        self.router.redirect_slashes = False
        self._metrics = metrics
        self._quiet = quiet

    def build_middleware_stack(self) -> ASGIApp:
        return _Observed(self.router, self._metrics, self._quiet)


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
        body = {
            "status": "ready" if is_ready else "unavailable",
            "checks": checks,
            **{name: fact() for name, fact in health.facts.items()},
        }
        return Answer(status, msgspec.json.encode(body))

    async def metrics(_request: Request) -> Answer:
        return Answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)

    return {
        "/health/live": ("GET", live),
        "/health/ready": ("GET", ready),
        "/metrics": ("GET", metrics),
    }


class _Answering:
    """An endpoint as an ASGI application.

    Attributes:
        path: As it was routed, without what stood in the place of its parameters.
    """

    def __init__(self, path: str, endpoint: Endpoint) -> None:
        self.path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send(await self._endpoint(Request(scope, receive)), scope, send)


class _Observed:
    """Gives every request its correlation id, an answer, a line in the log, and its metrics."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, quiet: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation_id = correlation_id_of(_correlation_header(scope))
        logs.correlation_id.set(correlation_id)  # each request has a task of its own
        state = scope["state"] = {"correlation_id": correlation_id, "facts": {}, "status": 0}
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the table decides, and logs what it does not know
            await _send(_refusal(error, correlation_id), scope, send)
        finally:
            self._observe(scope, state, time.perf_counter() - started)

    def _observe(self, scope: Scope, state: dict[str, Any], seconds: float) -> None:
        # A parameter may be an event's id: it is neither a label nor in a log.
        path = scope["endpoint"].path if "endpoint" in scope else None
        route = path or "unknown"
        self._metrics.answered(route, state["status"], seconds)
        log = _log.debug if route in self._quiet else _log.info
        log(
            "request",
            method=scope["method"],
            path=path or scope["path"],
            status=state["status"],
            seconds=round(seconds, 4),
            **state["facts"],
        )


def _correlation_header(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _CORRELATION_HEADER:
            return str(value, "latin-1")
    return None


def _refusal(error: Exception, correlation_id: str) -> Answer:
    match error:
        case ClientDisconnect():
            return Answer(HTTPStatus.BAD_REQUEST, b"")  # nobody is there to read it
        case HTTPException():  # the router's: no such path, or not with this method
            status = HTTPStatus(error.status_code)
            error = HttpProblem(status, status.description, error.headers)
    answer = answer_error(error, correlation_id)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error)
    elif answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request not taken", reason=str(error))
    return answer


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    state = scope["state"]
    state["status"] = int(answer.status)
    headers = [
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        (_CORRELATION_HEADER, state["correlation_id"].encode()),
    ]
    await send({"type": "http.response.start", "status": state["status"], "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
