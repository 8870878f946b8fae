"""A function behind HTTP: its own routes, and those that every function has."""

import time
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.http.hosts import CheckHost
from runtime.http.observing import Observer, facts_of, refuse
from runtime.http.origins import all_same_origin
from runtime.http.probes import metrics_endpoints, probe_endpoints
from runtime.http.request import Endpoint, Endpoints, Explain, RawHeaders, text_of
from runtime.http.responses import CORRELATION_HEADER, HttpProblem, Response, correlation_id_of
from runtime.http.senders import Senders
from runtime.http.server.asgi import request_of
from runtime.telemetry import logs
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from runtime.telemetry.trace_context import TRACE_HEADER, trace_id_of, trace_parent_of

_CORRELATION_HEADER = CORRELATION_HEADER.lower().encode()
_TRACE_HEADER = TRACE_HEADER.encode()


class _AnyText(Convertor[str]):
    """The rest of a path, including slashes and line ends."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", _AnyText())


def create_app(
    endpoints: Endpoints,
    *,
    health: Health,
    registry: CollectorRegistry,
    metrics: HttpMetrics,
    check_host: CheckHost | None = None,
    senders: Senders | None = None,
    explain: Explain | None = None,
) -> "App":
    """Make the ASGI application of a function.

    Args:
        endpoints: Its own.
        health: The state that the probes report.
        registry: The metrics of ``/metrics``.
        metrics: Where requests are counted.
        check_host: Refuses other machines' names; None if any name is accepted.
        senders: Identifies senders; None if no proxies are trusted.
        explain: Turns problems into pages for browsers; None if only programs are clients.
    """
    common = {**probe_endpoints(health), **metrics_endpoints(registry)}
    routes = [
        Route(path, _Answering(compile_path(path)[1], endpoint), methods=method.split())
        for path, (method, endpoint) in all_same_origin({**endpoints, **common}).items()
    ]
    return App(
        routes, Observer(metrics, frozenset(common), senders or Senders()), check_host, explain
    )


class App(Starlette):
    """Starlette with one error layer of ours instead of its two: one table answers all errors.

    Each layer costs a request as much as judging its event.

    Attributes:
        observer: Records every request, including those that the server itself refuses.
    """

    def __init__(
        self,
        routes: list[Route],
        observer: Observer,
        check_host: CheckHost | None,
        explain: Explain | None,
    ) -> None:
        super().__init__(routes=routes)
        self.router.redirect_slashes = False
        self.observer = observer
        self._check_host = check_host
        self._explain = explain

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layer around the routes; Starlette calls this once."""
        return _Observed(self.router, self.observer, self._check_host, self._explain)


class _Answering:
    """An endpoint as an ASGI application.

    Attributes:
        path: As declared, without the values of its parameters.
    """

    def __init__(self, path: str, endpoint: Endpoint) -> None:
        self.path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send(await self._endpoint(request_of(scope, receive)), scope, send)


class _Observed:
    """Gives every request a correlation id, an answer, a log line and metrics."""

    def __init__(
        self,
        app: ASGIApp,
        observer: Observer,
        check_host: CheckHost | None,
        explain: Explain | None,
    ) -> None:
        self._app = app
        self._observer = observer
        self._check_host = check_host
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation_id = correlation_id_of(_header(scope, _CORRELATION_HEADER))
        logs.correlation_id.set(correlation_id)  # each request has a task of its own
        trace_parent = _trace_parent(scope)
        if trace_parent is not None:
            logs.trace_id.set(trace_id_of(trace_parent))
        state = scope["state"] = {
            "correlation_id": correlation_id,
            "trace_parent": trace_parent,
            "facts": {},
            "status": 0,
        }
        try:
            if self._check_host is not None:
                self._check_host(_header(scope, b"host"))
            _check_path(scope)
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the table decides, and logs what it does not know
            left = isinstance(error, ClientDisconnect)
            state["facts"].update({"left": True} if left else facts_of(error))
            answer = _refusal(error, correlation_id)
            if self._explain is not None:
                answer = self._explain(RawHeaders(scope["headers"]), _address(scope), answer)
            await _send(answer, scope, send)
        finally:
            self._observe(scope, state, time.perf_counter() - started)

    def _observe(self, scope: Scope, state: dict[str, Any], seconds: float) -> None:
        route = scope["endpoint"].path if "endpoint" in scope else None
        peer = scope.get("client")
        state["facts"].update(
            self._observer.senders.facts(peer[0] if peer else None, scope["headers"])
        )
        self._observer.answered(
            method=scope["method"],
            path=scope["path"],
            route=route,
            status=state["status"],
            seconds=seconds,
            facts=state["facts"],
        )


def _check_path(scope: Scope) -> None:
    """Refuse a path whose percent-encoding is not text: the server has already replaced the bytes.

    Raises:
        Invalid: It is not UTF-8.
    """
    raw_path = scope.get("raw_path") or b""
    if b"%" in raw_path:
        text_of(raw_path)


def _address(scope: Scope) -> str:
    path, query = scope.get("raw_path") or b"/", scope["query_string"]
    return str(path + b"?" + query if query else path, "latin-1")


def _header(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None


def _trace_parent(scope: Scope) -> str | None:
    """Take the sender's position in its trace; hardly any request has one."""
    if _header(scope, _TRACE_HEADER) is None:
        return None
    found = [str(value, "latin-1") for name, value in scope["headers"] if name == _TRACE_HEADER]
    return trace_parent_of(found)


def _refusal(error: Exception, correlation_id: str) -> Response:
    match error:
        case ClientDisconnect():
            return Response(400, b"")  # nobody is there to read it
        case HTTPException():  # from the router: no such path, or not with this method
            error = HttpProblem.of(error.status_code, error.headers)
    return refuse(error, correlation_id)


async def _send(answer: Response, scope: Scope, send: Send) -> None:
    state = scope["state"]
    state["status"] = int(answer.status)
    headers = [
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
        *((name.encode(), value.encode()) for name, value in answer.content_headers.items()),
        (_CORRELATION_HEADER, state["correlation_id"].encode()),
    ]
    await send({"type": "http.response.start", "status": state["status"], "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
