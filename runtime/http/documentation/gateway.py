"""The gateway's document."""

from collections.abc import Mapping, Sequence
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
    refusal,
    unavailable,
)
from runtime.http.documentation.schemas import Schema, components, ref
from runtime.http.responses import JSON, PROBLEM
from runtime.http.splitting import split_json

_DESCRIPTION = """\
Receives webhook events from Facebook and TikTok, validates each by itself, and writes \
them to the broker's disk. Events that a `202` counts are safe; an event that is sent twice is \
stored once.

Errors are problems (RFC 9457) with a correlation id; so are `404` for an unknown path \
and `405`, with `Allow`, for an unknown method."""

_POST_EVENTS = """\
The answer is `202` if at least one event is valid, or if the array is empty. Every event is \
validated by itself; the receipt lists the invalid ones. Unknown keys are stored with the event. \
A string with a NUL character or a lone surrogate makes its event invalid.

Sending a request again is harmless: no event is stored twice."""

_DRY_RUN = {
    "name": "dryRun",
    "in": "query",
    "description": "With `true`, events are validated and not stored.",
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
    """
    keys = {"ingestKey": "One of `INGEST_API_KEYS`."} if guarded else {}
    post = operation(
        "Events",
        "postEvents",
        "Send events",
        _POST_EVENTS,
        _answers(body_size_limit),
        requestBody=_request_body(body_size_limit, event_size_limit),
        parameters=[_DRY_RUN],
        behind=list(keys),
    )
    return document(
        title="Event gateway",
        description=_DESCRIPTION,
        url=url,
        paths={"/events": {"post": post}, **cloud_events_paths(list(keys))},
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
            f"At most {limit} bytes. `Content-Encoding: gzip` is taken; "
            "the limit is on the unpacked bytes. "
            f"An event may have {event_limit} of them: a larger one is rejected alone. "
            "So is an element of an array that is not JSON, if its brackets match."
        ),
        "required": True,
        "content": {
            JSON: {"schema": {"anyOf": [ref("Event"), many]}, "examples": _json_examples()},
            "application/x-ndjson": {
                "schema": {**many, "minItems": 1, "description": "One event a line."},
                "examples": {"lines": _example("One event a line", list(EVENTS.values()))},
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
            "The receipt of a dry run: nothing was kept, nothing was counted.",
            "Receipt",
            receipt_example(accepted=1, dry_run=True),
        ),
        "202": json_answer(
            "The receipt: what it counts is on the broker's disk.",
            "Receipt",
            receipt_example(accepted=1),
        ),
        "400": invalid(
            "The body is empty, neither object nor array, an object that is not JSON, an array "
            "whose brackets do not match, or not gzip where it should be.",
            *_faults_of(b"event"),
        ),
        "408": refusal(
            HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.", "The body came too slowly"
        ),
        "413": refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The body is too large; counted while it streams.",
            f"The body may have {limit} bytes at most",
        ),
        "415": refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Another content type, content encoding, or charset than UTF-8.",
            f"Content-Type should be {JSON} or application/x-ndjson",
            _ACCEPT_ENCODING,
        ),
        "422": answer(
            "No event is valid; they are kept as dead letters.",
            {PROBLEM: content(ref("RejectedProblem"), receipt_example(accepted=0))},
        ),
        "503": unavailable(
            "The broker can't take it now. Some may have been taken: send the same again."
        ),
    }
