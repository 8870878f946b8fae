"""The gateway behind HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from functools import lru_cache
from http import HTTPStatus
from operator import itemgetter
from typing import Any, Final

from functions.gateway.dry_run import DryRun
from functions.gateway.handler import handle
from functions.parameters import Params, parse_flag, read_parameters
from functions.ports import Bus
from runtime.http.body import BodyReader
from runtime.http.request import Endpoint, Request
from runtime.http.responses import HttpProblem, Response, answer_receipt
from runtime.http.splitting import Split, split_json, split_lines

_SPLITTERS: Final[Mapping[str, Split]] = {
    "application/json": split_json,
    "application/x-ndjson": split_lines,
}
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_HEADERS_KNOWN = 16

_FIELD_CHARACTERS = 80
"""How much of a field is logged; the contract's longest is half as long."""


CheckBody = Callable[[Request, bytes], None]
"""Checks a request by its body, uncompressed; raises ``HttpProblem``."""


def gateway_endpoint(bus: Bus, bodies: BodyReader, check: CheckBody | None = None) -> Endpoint:
    """Make the endpoint of ``POST /events``.

    Args:
        bus: Where events and dead letters go.
        bodies: Reads bodies.
        check: What a request has to pass before anything of it is taken.
    """

    async def post_events(request: Request) -> Response:
        accepted_at = datetime.now(UTC)
        dry_run = "dry" in request.query.lower() and is_dry_run(request.params)
        split = _SPLITTERS[media_type(request.headers.get("content-type", ""))]
        correlation_id = request.correlation_id
        async with bodies.read(request.headers, request.chunks(), request.whole) as body:
            if check is not None:
                check(request, body)
            receipt = await handle(
                split(body, bodies.event_size_limit),
                correlation_id=correlation_id,
                accepted_at=accepted_at,
                bus=DryRun(bus) if dry_run else bus,
                trace_parent=request.trace_parent,
            )
        request.facts.update(
            bytes=len(body), accepted=receipt.accepted_total, rejected=receipt.rejected_total
        )
        if receipt.faults:
            request.facts.update(commonest(receipt.faults))
        if dry_run:
            request.facts["dry_run"] = True
        return answer_receipt(receipt, correlation_id, dry_run=dry_run)

    return post_events


def commonest(faults: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return the most common fault for the log: a code, a field, and the number of events.

    Args:
        faults: How many events had each code and field.

    Returns:
        Nothing if there is no fault.
    """
    if not faults:
        return {}
    (code, where), events = max(faults.items(), key=itemgetter(1))
    return {"fault": code, "fault_field": where[:_FIELD_CHARACTERS], "fault_events": events}


def is_dry_run(params: Params) -> bool:
    """Return whether events are only to be judged; other parameters are ignored.

    Raises:
        Invalid: ``dryRun`` is neither ``true`` nor ``false``, is repeated, or is
            misspelled: a sender who misspells it does not want to store.
    """
    own = [pair for pair in params if pair[0].replace("_", "").lower() == "dryrun"]
    return bool(read_parameters(own, {"dryRun": parse_flag}).get("dryRun", False))


@lru_cache(_HEADERS_KNOWN)
def media_type(content_type: str) -> str:
    """Return the accepted media type that a header names.

    Raises:
        HttpProblem: It names none of them, or an encoding that JSON does not have.
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
