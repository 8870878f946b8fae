"""A request as every HTTP transport hands it to an endpoint."""

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
    """Headers as ASGI has them; looked up where they lie, as few are ever asked for.

    Args:
        raw: Lower-case names and values, in their order.
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
    """What an endpoint is asked.

    Attributes:
        headers: Of the request.
        query: What followed the ``?``, as it came.
        correlation_id: The sender's, or one made for it.
        chunks: Gives the body as it arrives; to be called once.
        whole: The same body, if all of it has come already.
        path_params: What stood in the place of the path's parameters.
        facts: What the line about the request says beside the rest; the
            endpoint adds to it.
        trace_parent: The sender's W3C ``traceparent``, if it had a valid one.
    """

    headers: Headers
    query: str
    correlation_id: str
    chunks: Callable[[], AsyncIterator[bytes]]
    whole: bytes | None = None
    path_params: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    trace_parent: str | None = None

    @property
    def params(self) -> Params:
        """The query's names and values, decoded, in their order.

        Raises:
            Invalid: Some are no text.
        """
        try:
            return parse_qsl(self.query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as error:
            raise _no_text("The query") from error


def text_of(path: bytes | str) -> str:
    """Decode a path's percent-encoding.

    Raises:
        Invalid: What it stands for is not UTF-8.
    """
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise _no_text("The path") from error


def _no_text(what: str) -> Invalid:
    message = f"{what} is no text: percent-encoded bytes should be UTF-8"
    return Invalid([Fault("", "encoding", message)])


Endpoint = Callable[[Request], Awaitable[Response]]

Endpoints = Mapping[str, tuple[str, Endpoint]]
"""Method and endpoint by path. A path may have parameters: ``{name}`` is a
segment, ``{name:uuid}`` one that is a UUID, ``{name:text}`` all that follows."""
