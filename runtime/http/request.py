"""A request as every HTTP transport passes it to an endpoint."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from functions.errors import Fault, Invalid
from functions.parameters import Params
from runtime.http.responses import Response


class Headers(Protocol):
    """A request's headers."""

    def get(self, name: str, default: str, /) -> str:
        """Look a header up by its lower-case name."""


class RawHeaders:
    """ASGI's headers, searched in place because only a few are ever needed.

    Args:
        raw: Lower-case names and values, in order.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def get(self, name: str, default: str, /) -> str:
        """Look up the first header of a name; see ``Headers``."""
        wanted = name.encode()
        for known, value in self._raw:
            if known == wanted:
                return str(value, "latin-1")
        return default


@dataclass(slots=True)
class Request:
    """A request to an endpoint.

    Attributes:
        headers: The request's.
        query: Everything after the ``?``, undecoded.
        correlation_id: The sender's, or one made for the request.
        chunks: Gives the body as it arrives; call it once.
        whole: The same body, if all of it has arrived already.
        path_params: The values of the path's parameters.
        facts: Fields for the request's log line; the endpoint adds to them.
        trace_parent: The sender's W3C ``traceparent``, if it sent a valid one.
        method: The request's, for endpoints of several.
    """

    headers: Headers
    query: str
    correlation_id: str
    chunks: Callable[[], AsyncIterator[bytes]]
    whole: bytes | None = None
    path_params: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    trace_parent: str | None = None
    method: str = ""

    @property
    def params(self) -> Params:
        """The query's names and values, decoded, in order.

        Raises:
            Invalid: Some are not text.
        """
        try:
            return parse_qsl(self.query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as error:
            raise _no_text("The query") from error


def text_of(path: bytes | str) -> str:
    """Decode a path's percent-encoding.

    Raises:
        Invalid: The result is not UTF-8.
    """
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise _no_text("The path") from error


def _no_text(what: str) -> Invalid:
    message = f"{what} is not text: percent-encoded bytes should be UTF-8"
    return Invalid([Fault("", "encoding", message)])


Endpoint = Callable[[Request], Awaitable[Response]]

Endpoints = Mapping[str, tuple[str, Endpoint]]
"""Method, or several with spaces between, and endpoint by path. A path may have parameters:
``{name}`` is a segment or a part of one, ``{name:uuid}`` one that is a UUID, ``{name:int}`` one of
digits, ``{name:text}`` the rest of the path."""


def by_method(endpoints: Mapping[str, Endpoint]) -> tuple[str, Endpoint]:
    """Make one path's endpoint of those of its methods; HEAD is answered by that of GET."""

    async def respond(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return " ".join(endpoints), respond


Explain = Callable[[Headers, str, Response], Response]
"""Takes a request's headers, its path with its query, and the problem that answers it.
Returns the answer that is sent instead."""
