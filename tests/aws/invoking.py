"""Invocations as Lambda makes them: the input, and a thread that calls the handler."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from runtime.aws.messages import ENCODING, PACKED

Unit = TypeVar("Unit")

_TEXTS: Final = ("application/json", "application/xml", "application/javascript")


@dataclass
class AContext:
    """The context that Lambda passes to a handler."""

    milliseconds: int = 30_000
    aws_request_id: str = "invocation-1"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


async def invoke(
    function: Callable[[Any, Any], Any], event: Any, context: AContext | None = None
) -> Any:
    """Call a handler as Lambda does: in a thread without an event loop."""
    return await asyncio.to_thread(function, event, context or AContext())


def a_request(method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """A request of an HTTP API; the content type decides whether its body is passed as text."""
    path, _, query = path.partition("?")
    kind = headers.get("content_type", "application/json")
    text = is_text(kind)
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        "requestContext": {
            "stage": "$default",
            "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
            "http": {"method": method, "path": path},
        },
        "body": as_text(body) if text else base64.b64encode(body).decode(),
        "isBase64Encoded": not text,
    }


def is_text(content_type: str) -> bool:
    """Return whether HTTP APIs pass a body on as text: they look only at the content type.

    The list is of ministack's authors, who compared it with AWS itself
    (https://github.com/ministackorg/ministack/pull/766); AWS's pages have none.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXTS


def as_text(body: bytes) -> str:
    """Decode bytes as HTTP APIs do; bytes that are not UTF-8 are lost."""
    return body.decode(errors="replace")


def a_record(data: bytes, message_id: str, **attributes: str) -> dict[str, Any]:
    """A record of SQS with arbitrary bytes in it."""
    given = {ENCODING: PACKED, **{name.replace("_", "-"): it for name, it in attributes.items()}}
    return {
        "messageId": message_id,
        "body": base64.b64encode(data).decode(),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1704110400000"},
        "messageAttributes": {
            name: {"stringValue": text, "dataType": "String"} for name, text in given.items()
        },
    }


def holding(unit: Unit) -> Callable[[], AbstractAsyncContextManager[Unit]]:
    """Return a holder of a unit that needs no opening."""

    @asynccontextmanager
    async def hold() -> AsyncIterator[Unit]:
        yield unit

    return hold


class _Closing(Protocol):
    def close(self) -> None: ...


@asynccontextmanager
async def closed(function: _Closing) -> AsyncIterator[None]:
    """Close a function's resources after the context, in a thread without an event loop."""
    try:
        yield
    finally:
        await asyncio.to_thread(function.close)


async def nothing() -> None:
    """Do nothing."""
