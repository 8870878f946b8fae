"""What the endpoints of CloudEvents share: whose turn it is, what is kept of too large a body."""

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
"""What a dead letter keeps of a body that is too large, or can't be unpacked."""

_TAKEN: Final = Response(HTTPStatus.NO_CONTENT, b"")
"""Without a body: Knative's broker takes any for an event in reply, or for a failure."""

Take = Callable[[Request, Iterator[CloudEvent | None]], Awaitable[None]]
"""Returns when all are safe, as events or as dead letters; raises ``Unavailable``.

None among the events is where others should have their turn."""

DeadLetterBody = Callable[[Request, bytes, Fault], Awaitable[None]]
"""Keeps the first bytes of a body that nobody can read; raises ``Unavailable``."""


def cloud_events_endpoint(bodies: BodyReader, take: Take, dead_letter: DeadLetterBody) -> Endpoint:
    """Make the endpoint of ``POST /cloudevents``.

    What can never be taken becomes a dead letter, and is answered as all that
    is safe: platforms drop an event that gets a 4xx, without another try.
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
            if not body:  # lost on its way: there is nothing to keep
                raise HttpProblem(HTTPStatus.BAD_REQUEST, "The body is empty: it has no event")
            request.facts.update(bytes=len(body))
            await take(request, read_cloud_events(request.headers, body))
        return _TAKEN

    return post_cloud_events


def origin_of(request: Request, event: CloudEvent) -> tuple[str, str | None]:
    """Tell the correlation id and the trace that an event's rows bear.

    Its own extensions, or else what its request says.
    """
    own = event.correlation_id
    if own is None or correlation_id_of(own) != own:
        own = request.correlation_id
    return own, event.trace_parent or request.trace_parent


def _fault_of(error: Invalid | HttpProblem) -> Fault:
    """Say what is wrong with a body itself.

    Raises:
        HttpProblem: It is not the body: it came too slowly, or in an unknown encoding.
    """
    match error:
        case Invalid():
            return error.faults[0]
        case HttpProblem(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return Fault("", "body_too_large", error.detail)
    raise error


@dataclass(slots=True)
class _Head:
    """Passes a body on, and keeps its first bytes."""

    stream: AsyncIterator[bytes]
    kept: bytearray = field(default_factory=bytearray)

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream:
            self.kept += chunk[: _KEPT_BYTES - len(self.kept)]
            yield chunk


@dataclass(slots=True)
class _Unmeasured:
    """Headers without the body's length: one that is too long has to be looked at as well."""

    headers: Headers

    def get(self, name: str, default: str, /) -> str:
        return default if name == "content-length" else self.headers.get(name, default)
