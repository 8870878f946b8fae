"""HTTP on Lambda: requests of API Gateway's HTTP APIs and of function URLs (payload 2.0)."""

import base64
import binascii
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry

from runtime.aws.embedded_metrics import EmbeddedMetrics
from runtime.aws.process import Context, Process
from runtime.aws.routing import Router
from runtime.http.observing import Observer, facts_of, refuse
from runtime.http.request import Explain, Request, text_of
from runtime.http.responses import CORRELATION_HEADER, HttpProblem, Response, correlation_id_of
from runtime.http.senders import sender_facts
from runtime.telemetry import logs
from runtime.telemetry.metrics import HttpMetrics
from runtime.telemetry.trace_context import TRACE_HEADER, trace_id_of, trace_parent_of

Event = Mapping[str, Any]
LambdaResponse = dict[str, Any]

_FUNCTION_URL: Final = ".lambda-url."
_MAX_RESPONSE_BYTES: Final = 6 * 1024**2 - 64 * 1024
"""Lambda's limit for an answer as JSON, 6 MB, minus its headers."""

_GZIP_AS_TEXT: Final = "\x1f"
_GZIP_DESTROYED: Final = (
    "This platform passes a body of this content type on as text, which destroys gzip: send gzip "
    "as application/x-ndjson, or send this body uncompressed"
)

_QUIET: Final = frozenset({"/health/live", "/health/ready"})


@dataclass(frozen=True, slots=True)
class HttpUnit:
    """A function behind HTTP, bound and ready.

    Attributes:
        router: Its endpoints.
        renew: Replaces connections that have been idle for long.
    """

    router: Router
    renew: Callable[[], Awaitable[None]]


class HttpFunction:
    """Answers the invocations of one function; Lambda calls it.

    Every answer is the same as Starlette's: the endpoints and the table of errors are
    shared.

    Args:
        service: The function's name.
        hold: Opens its dependencies.
        registry: Where everything is counted.
        explain: Turns problems into pages for browsers; None if only programs are clients.
    """

    def __init__(
        self,
        service: str,
        hold: Callable[[], AbstractAsyncContextManager[HttpUnit]],
        registry: CollectorRegistry,
        explain: Explain | None = None,
    ) -> None:
        self._explain = explain
        self._process = Process(hold, lambda unit: unit.renew())
        self._observer = Observer(HttpMetrics(registry, service), _QUIET)
        self._embedded = EmbeddedMetrics(registry)

    def __call__(self, event: Event, context: Context) -> LambdaResponse:
        """Answer one request; never raises."""
        started = time.perf_counter()
        headers = _headers_of(event)
        correlation_id = correlation_id_of(headers.get(CORRELATION_HEADER.lower()))
        trace_parent = trace_parent_of([headers.get(TRACE_HEADER, "")])
        logs.correlation_id.set(correlation_id)
        logs.trace_id.set(trace_parent and trace_id_of(trace_parent))
        asked = _Asked(event, headers, correlation_id, trace_parent)
        try:
            answer = _carried(self._process.invoke(asked.answer, context))
        except Exception as error:  # noqa: BLE001 - the table decides, and logs what it does not know
            asked.facts.update(facts_of(error))
            answer = refuse(error, correlation_id)
            if self._explain is not None:
                answer = self._explain(headers, _address_of(event), answer)
        seconds = time.perf_counter() - started
        self._observer.answered(
            method=asked.method,
            path=asked.path,
            route=asked.route,
            status=int(answer.status),
            seconds=seconds,
            facts={**asked.sender, **asked.facts},
        )
        self._embedded.flush()
        return _response(answer, correlation_id, has_body=asked.method != "HEAD")

    def close(self) -> None:
        """Close its resources; for a process that runs several."""
        self._process.close()


class _Asked:
    """One request, and its facts for the log."""

    def __init__(
        self,
        event: Event,
        headers: Mapping[str, str],
        correlation_id: str,
        trace_parent: str | None,
    ) -> None:
        http = event.get("requestContext", {}).get("http", {})
        self.method = str(http.get("method", ""))
        self.path = _path_of(event)
        self.route: str | None = None
        self.facts: dict[str, Any] = {}
        self.sender = sender_facts(str(http.get("sourceIp", "")), headers.get("user-agent", ""))
        self._event = event
        self._headers = headers
        self._correlation_id = correlation_id
        self._trace_parent = trace_parent

    async def answer(self, unit: HttpUnit) -> Response:
        if not self.method:
            detail = "This is not an HTTP request in Lambda's payload format 2.0"
            raise HttpProblem(HTTPStatus.BAD_REQUEST, detail)
        found = unit.router.find(self.method, _decoded(self.path, self._event))
        self.route = found.route
        body = _body_of(self._event, self._headers)
        # The forwarded Content-Length may describe other bytes, or be missing.
        headers = {**self._headers, "content-length": str(len(body))}
        if not self._event.get("isBase64Encoded"):  # text, so it is not compressed
            headers.pop("content-encoding", None)
        request = Request(
            headers,
            str(self._event.get("rawQueryString", "")),
            self._correlation_id,
            partial(_at_once, body),
            body,
            found.params,
            self.facts,
            self._trace_parent,
            self.method,
        )
        return await found.endpoint(request)


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _headers_of(event: Event) -> dict[str, str]:
    """Read the headers; repeated ones come joined by commas, and cookies separately."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if cookies := event.get("cookies"):
        headers["cookie"] = "; ".join(cookies)
    return headers


def _path_of(event: Event) -> str:
    """Read the path as the platform forwards it; a stage other than the default precedes it."""
    path = str(event.get("rawPath", ""))
    context = event.get("requestContext", {})
    stage = f"/{context.get('stage')}"
    if stage != "/$default" and path.startswith(f"{stage}/"):
        path = path.removeprefix(stage)
    return path


def _address_of(event: Event) -> str:
    path, query = _path_of(event), str(event.get("rawQueryString", ""))
    return f"{path}?{query}" if query else path


def _decoded(path: str, event: Event) -> str:
    """Decode a path if the platform has not: HTTP APIs have, function URLs have not.

    Raises:
        Invalid: It is not text.
    """
    domain = str(event.get("requestContext", {}).get("domainName"))
    return text_of(path) if _FUNCTION_URL in domain else path


def _body_of(event: Event, headers: Mapping[str, str]) -> bytes:
    """Read the body; an HTTP API decides by the content type whether it comes as text.

    Raises:
        HttpProblem: It is malformed, or was compressed and no longer is.
    """
    body = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        if "content-encoding" in headers and body.startswith(_GZIP_AS_TEXT):
            raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _GZIP_DESTROYED)
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        detail = "The platform marked the body as base64, but it is not"
        raise HttpProblem(HTTPStatus.BAD_REQUEST, detail) from error


def _carried(answer: Response) -> Response:
    """Refuse an answer that Lambda would drop.

    Raises:
        HttpProblem: It is too large, written as a JSON string.
    """
    half = _MAX_RESPONSE_BYTES // 2  # a JSON string has at most two characters for each of ours
    if len(answer.body) > half and len(_json_string(answer.body)) > _MAX_RESPONSE_BYTES:
        detail = "The answer is larger than this platform can carry: ask for less at once"
        raise HttpProblem(HTTPStatus.BAD_REQUEST, detail)
    return answer


def _json_string(body: bytes) -> bytes:
    return msgspec.json.encode(body.decode())


def _described(answer: Response) -> dict[str, str]:
    """Describe the body as far as the platform does not: it sets the length itself."""
    headers = answer.content_headers
    headers.pop("content-length", None)
    return headers


def _response(answer: Response, correlation_id: str, *, has_body: bool) -> LambdaResponse:
    return {
        "statusCode": int(answer.status),
        "headers": {
            **{name.lower(): value for name, value in answer.headers.items()},
            **_described(answer),
            CORRELATION_HEADER.lower(): correlation_id,
        },
        "body": answer.body.decode() if has_body else "",
        "isBase64Encoded": False,
    }
