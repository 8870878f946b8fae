"""The description of ``POST /cloudevents``."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from runtime.http.cloud_events.reading import BATCH, STRUCTURED
from runtime.http.cloud_events.taking import PATH
from runtime.http.documentation.document import operation
from runtime.http.documentation.event_examples import EVENTS
from runtime.http.documentation.responses import answer, refusal, unavailable
from runtime.http.documentation.schemas import Schema

_DESCRIPTION: Final = f"""\
For platforms that deliver CloudEvents 1.0: Knative, Dapr, EventBridge's API destinations. \
Data are an event or an array of events; structured (`{STRUCTURED}`), batch (`{BATCH}`), \
or binary (any other content type, and headers `ce-*`).

What can never be taken becomes a dead letter, and is answered with a `204`, too: \
platforms drop what gets a `4xx`. The extensions `correlationid` and `traceparent` are kept."""


def cloud_events_paths(behind: Sequence[str]) -> dict[str, Schema]:
    """Describe the operation.

    Args:
        behind: Names of the security schemes, any of which opens it; empty if it is open.
    """
    post = operation(
        "Events",
        "postCloudEvents",
        "Deliver CloudEvents",
        _DESCRIPTION,
        {
            "204": answer("All that came is on the broker's disk, poison as dead letters.", {}),
            "408": refusal(
                HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.", "The body came too slowly"
            ),
            "415": refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "It does not say that it is a CloudEvent, or is packed in an unknown way.",
                f"Content-Type should be {STRUCTURED} or {BATCH}, or headers ce-* should be there",
            ),
            "503": unavailable(
                "The broker can't take it now. Some may have been taken: send the same again."
            ),
        },
        requestBody={
            "description": "Any body: one that is no CloudEvent becomes a dead letter.",
            "required": True,
            "content": {
                STRUCTURED: {"schema": {}, "examples": _examples("One", _cloud_event())},
                BATCH: {"schema": {}, "examples": _examples("Some", [_cloud_event()])},
            },
        },
        behind=list(behind),
    )
    return {PATH: {"post": post}}


def _examples(summary: str, value: Any) -> dict[str, Any]:
    return {"cloudEvents": {"summary": summary, "value": value}}


def _cloud_event() -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/webhooks/facebook",
        "type": "facebook.event",
        "datacontenttype": "application/json",
        "data": EVENTS["facebookBottom"],
    }
