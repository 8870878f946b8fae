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
The data are an event or an array of events. The mode is structured (`{STRUCTURED}`), batch \
(`{BATCH}`), or binary (any other content type, with headers `ce-*`).

Invalid data become dead letters and are answered with `204` as well, because platforms drop a \
delivery that gets a `4xx`. The extensions `correlationid` and `traceparent` are kept."""


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
            "204": answer(
                "Everything is on the broker's disk; invalid data are there as dead letters.", {}
            ),
            "408": refusal(
                HTTPStatus.REQUEST_TIMEOUT,
                "The body arrived too slowly.",
                "The body arrived too slowly",
            ),
            "415": refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "The request is not marked as a CloudEvent, or its content encoding is not "
                "supported.",
                f"Content-Type should be {STRUCTURED} or {BATCH}, or there should be headers ce-*",
            ),
            "503": unavailable(
                "The broker can't store the events now. Some may be stored already; send the whole "
                "request again."
            ),
        },
        requestBody={
            "description": "Any body. A body that is not a CloudEvent becomes a dead letter.",
            "required": True,
            "content": {
                STRUCTURED: {"schema": {}, "examples": _examples("One", _cloud_event())},
                BATCH: {"schema": {}, "examples": _examples("Several", [_cloud_event()])},
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
