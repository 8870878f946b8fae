"""The gateway behind HTTP."""

import codecs
from datetime import UTC, datetime
from email.message import Message
from functools import lru_cache
from http import HTTPStatus

from functions.errors import Fault, Invalid
from functions.gateway.handler import Receipt, handle
from functions.ports import Bus
from runtime.http.answers import Answer, HttpProblem, answer_receipt
from runtime.http.body import BodyReader
from runtime.http.request import Endpoint, Request
from runtime.splitting import split_json, split_lines

_SPLITTERS = {"application/json": split_json, "application/x-ndjson": split_lines}
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_DECODE_BYTES = 1024**2
_HEADERS_KNOWN = 16


def gateway_endpoint(bus: Bus, bodies: BodyReader) -> Endpoint:
    """Make the endpoint of ``POST /events``."""

    async def post_events(request: Request) -> Answer:
        accepted_at = datetime.now(UTC)
        split = _SPLITTERS[media_type(request.headers.get("content-type", ""))]
        correlation_id = request.correlation_id
        async with bodies.read(request.headers, request.chunks(), request.whole) as body:
            receipt = await handle(
                split(body),
                correlation_id=correlation_id,
                accepted_at=accepted_at,
                bus=bus,
                trace_parent=request.trace_parent,
            )
            _refuse_foreign_encoding(receipt, body)
        request.facts.update(
            bytes=len(body), accepted=receipt.accepted_total, rejected=receipt.rejected_total
        )
        return answer_receipt(receipt, correlation_id)

    return post_events


@lru_cache(_HEADERS_KNOWN)
def media_type(content_type: str) -> str:
    """Tell which of the media types that are taken a header names.

    Raises:
        HttpProblem: None of them, or an encoding that JSON does not have.
    """
    header = Message()
    header["Content-Type"] = content_type
    charset = str(header.get_param("charset", "utf-8"))
    if not content_type or header.get_content_type() not in _SPLITTERS:
        detail = f"Content-Type should be {' or '.join(_SPLITTERS)}"
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    if charset.lower() not in _CHARSETS:
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is UTF-8")
    return header.get_content_type()


def _refuse_foreign_encoding(receipt: Receipt, body: bytes) -> None:
    """Say of a body in another encoding that it is not JSON, where no event of it was valid.

    Where some were, the others are faults of single events.
    """
    if receipt.accepted_total or not receipt.rejected_total:
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _DECODE_BYTES):
            decoder.decode(body[start : start + _DECODE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Invalid(
            [Fault("", "json_invalid", "The body is not JSON: it is not UTF-8")]
        ) from error
