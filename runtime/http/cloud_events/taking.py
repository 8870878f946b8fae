"""Common parts of the CloudEvents endpoints: taking turns, keeping the start of large bodies."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from functions.errors import Fault, Invalid
from runtime.http.body import BodyReader
from runtime.http.cloud_events.reading import CloudEvent, check_mode, read_cloud_events
from runtime.http.request import Endpoint, Headers, Request
from runtime.http.responses import HttpProblem, Response, correlation_id_of

PATH: Final = "/cloudevents"

_KEPT_BYTES: Final = 64 * 1024
"""How much a dead letter keeps of a body that is too large or can't be decompressed."""

_TAKEN: Final = Response(HTTPStatus.NO_CONTENT, b"")
"""No body: Knative's broker takes any body for an event in reply, or for a failure."""

Take = Callable[[Request, Iterator[CloudEvent | None]], Awaitable[None]]
"""Returns when all are safe, as events or as dead letters; raises ``Unavailable``.

A None among the events marks a point where other requests should get their turn."""

DeadLetterBody = Callable[[Request, bytes, Fault], Awaitable[None]]
"""Keeps the first bytes of an unreadable body; raises ``Unavailable``."""


def cloud_events_endpoint(bodies: BodyReader, take: Take, dead_letter: DeadLetterBody) -> Endpoint:
    """Make the endpoint of ``POST /cloudevents``.

    Events that can never be taken become dead letters, and the answer is that all are
    safe: platforms drop an event that gets a 4xx without trying again.
    """

    async def post_cloud_events(request: Request) -> Response:
        check_mode(request.headers)
        head = _Head(request.chunks())
        async with AsyncExitStack() as held:
            reading = bodies.read(_Unmeasured(request.headers), head.chunks(), request.whole)
            try:
                body = await held.enter_async_context(reading)
            except (Invalid, HttpProblem) as error:
                await dead_letter(request, bytes(head.kept), _fault_of(error))
                return _TAKEN
            if not body:  # lost on the way: there is nothing to keep
                raise HttpProblem(
                    HTTPStatus.BAD_REQUEST, "The body is empty; it should have an event"
                )
            request.facts.update(bytes=len(body))
            await take(request, read_cloud_events(request.headers, body))
        return _TAKEN

    return post_cloud_events


def origin_of(request: Request, event: CloudEvent) -> tuple[str, str | None]:
    """Return the correlation id and the trace for an event's rows.

    The event's own extensions come first, then the request's headers.
    """
    own = event.correlation_id
    if own is None or correlation_id_of(own) != own:
        own = request.correlation_id
    return own, event.trace_parent or request.trace_parent


def _fault_of(error: Invalid | HttpProblem) -> Fault:
    """Return the fault in the body itself.

    Raises:
        HttpProblem: The body is not at fault: it came too slowly, or in an unknown encoding.
    """
    match error:
        case Invalid():
            return error.faults[0]
        case HttpProblem(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return Fault("", "body_too_large", error.detail)
    raise error


@dataclass(slots=True)
class _Head:
    """Passes a body on and keeps its first bytes."""

    stream: AsyncIterator[bytes]
    kept: bytearray = field(default_factory=bytearray)

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream:
            self.kept += chunk[: _KEPT_BYTES - len(self.kept)]
            yield chunk


@dataclass(slots=True)
class _Unmeasured:
    """Headers without Content-Length, so that the start of an oversized body is read as well."""

    headers: Headers

    def get(self, name: str, default: str, /) -> str:
        return default if name == "content-length" else self.headers.get(name, default)
