"""The gateway's document."""

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from functions.errors import Fault, Invalid
from functions.events.contract import Event
from runtime.http.documentation.bodies import Receipt, RejectedProblem
from runtime.http.documentation.cloud_events import cloud_events_paths
from runtime.http.documentation.document import Document, document, operation
from runtime.http.documentation.event_examples import EVENTS, receipt_example
from runtime.http.documentation.responses import (
    answer,
    content,
    invalid,
    json_answer,
    not_admitted,
    refusal,
    unavailable,
)
from runtime.http.documentation.schemas import Schema, components, ref
from runtime.http.documentation.senders import sender_paths
from runtime.http.responses import JSON, PROBLEM
from runtime.http.splitting import split_json

_DESCRIPTION = """\
Receives webhook events from Facebook and TikTok, validates each event separately, and writes \
them to the broker's disk. A `202` means that the counted events are on that disk. An event that \
is sent twice is stored once.

Every error is a problem (RFC 9457) with a correlation id, including `404` for an unknown path \
and `405`, with `Allow`, for an unknown method."""

_POST_EVENTS = """\
The answer is `202` if at least one event is valid, or if the array is empty. Each event is \
validated separately; the receipt lists the invalid ones. Unknown keys are stored with the event. \
An event with a NUL character or a lone surrogate in any string is invalid.

It is safe to send a request again: no event is stored twice."""

_DRY_RUN = {
    "name": "dryRun",
    "in": "query",
    "description": "If `true`, events are validated but not stored.",
    "schema": {"type": "string", "enum": ["true", "false"], "default": "false"},
    "example": "true",
}
_ACCEPT_ENCODING = {
    "Accept-Encoding": {
        "description": "Present if the Content-Encoding is not supported.",
        "schema": {"type": "string", "const": "gzip"},
    }
}


def gateway_document(
    *,
    url: str,
    body_size_limit: int,
    event_size_limit: int = 1024**2,
    guarded: bool = False,
    asks_host: bool = False,
    ready_guarded: bool = False,
    check: str = "nats",
    facts: Mapping[str, str | float] | None = None,
    senders: Collection[str] = (),
    signed: bool = False,
) -> Document:
    """Describe the gateway.

    Args:
        url: Where it listens on its own machine.
        body_size_limit: Maximum bytes of one body, decompressed.
        event_size_limit: Maximum bytes of one event in it.
        guarded: Whether a key is needed.
        asks_host: Whether it answers only to this machine's names.
        ready_guarded: Whether readiness needs a key as well, if keys are set.
        check: The name of the bus in readiness.
        facts: Examples of the further fields of readiness.
        senders: Names of the real senders that it takes requests from.
        signed: Whether a signature of Standard Webhooks takes the place of a key.
    """
    keys = {"ingestKey": "One of `INGEST_API_KEYS`."} if guarded else {}
    post = operation(
        "Events",
        "postEvents",
        "Send events",
        _POST_EVENTS,
        {**_answers(body_size_limit), **({"401": not_admitted()} if signed else {})},
        requestBody=_request_body(body_size_limit, event_size_limit),
        parameters=[_DRY_RUN],
        behind=list(keys),
    )
    return document(
        title="Event gateway",
        description=_DESCRIPTION,
        url=url,
        paths={
            "/events": {"post": post},
            **cloud_events_paths(list(keys)),
            **sender_paths(senders),
        },
        schemas={
            **components({"Event": Event}, "validation"),
            **components({"Receipt": Receipt, "RejectedProblem": RejectedProblem}, "serialization"),
        },
        checks=[check],
        keys=keys,
        facts=facts,
        asks_host=asks_host,
        ready_behind=list(keys) if ready_guarded else (),
    )


def _request_body(limit: int, event_limit: int) -> Schema:
    many = {"type": "array", "items": ref("Event")}
    return {
        "description": (
            f"At most {limit} bytes. `Content-Encoding: gzip` is supported; the limit is on the "
            f"uncompressed bytes. One event may have at most {event_limit} bytes; a larger one is "
            "rejected, the others are not. The same is true for an element of an array that is not "
            "JSON, if its brackets match."
        ),
        "required": True,
        "content": {
            JSON: {"schema": {"anyOf": [ref("Event"), many]}, "examples": _json_examples()},
            "application/x-ndjson": {
                "schema": {**many, "minItems": 1, "description": "One event per line."},
                "examples": {"lines": _example("One event per line", list(EVENTS.values()))},
            },
        },
    }


def _json_examples() -> dict[str, Any]:
    single = {
        name: _example(f"{event['source']}, {event['funnelStage']} of the funnel", event)
        for name, event in EVENTS.items()
    }
    several = [EVENTS["facebookBottom"], EVENTS["tiktokBottom"]]
    return {**single, "several": _example("Several events", several)}


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _faults_of(body: bytes) -> Sequence[Fault]:
    try:
        list(split_json(body, len(body)))
    except Invalid as refused:
        return refused.faults
    raise AssertionError("the body is JSON")


def _answers(limit: int) -> dict[str, Schema]:
    return {
        "200": json_answer(
            "The receipt of a dry run: nothing was stored or counted.",
            "Receipt",
            receipt_example(accepted=1, dry_run=True),
        ),
        "202": json_answer(
            "The receipt: the events that it counts are on the broker's disk.",
            "Receipt",
            receipt_example(accepted=1),
        ),
        "400": invalid(
            "The body is empty, is neither an object nor an array, is an object that is not valid "
            "JSON, is an array whose brackets do not match, or is declared as gzip and is not.",
            *_faults_of(b"event"),
        ),
        "408": refusal(
            HTTPStatus.REQUEST_TIMEOUT,
            "The body arrived too slowly.",
            "The body arrived too slowly",
        ),
        "413": refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The body is too large. It is counted while it is read.",
            f"The body may have at most {limit} bytes",
        ),
        "415": refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The content type or content encoding is not supported, or the charset is not UTF-8.",
            f"Content-Type should be {JSON} or application/x-ndjson",
            _ACCEPT_ENCODING,
        ),
        "422": answer(
            "No event is valid; all are kept as dead letters.",
            {PROBLEM: content(ref("RejectedProblem"), receipt_example(accepted=0))},
        ),
        "503": unavailable(
            "The broker can't store the events now. Some may be stored already; send the whole "
            "request again."
        ),
    }
