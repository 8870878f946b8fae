"""The JSON bodies of answers; reports have their models in ``functions.reporter.filters``.

``runtime.http.responses`` and ``runtime.http.server.app`` write them.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from functions.gateway.handler import MAX_ERRORS

Number = Annotated[int, Field(ge=0)]
CorrelationId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,128}$",
        description="Identifies the request in every log line and every stored row.",
    ),
]

_EXACT = with_config(ConfigDict(extra="forbid"))


@_EXACT
class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: Literal["about:blank"]
    title: Annotated[str, Field(description="The name of the status.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    correlationId: CorrelationId


@_EXACT
class Fault(TypedDict):
    """One fault of an input."""

    field: Annotated[str, Field(description="Dotted path; empty if it is not one field.")]
    code: Annotated[str, Field(description="The kind of fault; stable and machine-readable.")]
    message: Annotated[str, Field(description="For people; never contains the input.")]


@_EXACT
class InvalidProblem(Problem):
    """The request can't be understood; every fault is listed."""

    errors: Annotated[list[Fault], Field(min_length=1)]


@_EXACT
class Rejection(TypedDict):
    """One fault of an invalid event."""

    index: Annotated[int, Field(ge=0, description="The event's index in the request, from 0.")]
    eventId: Annotated[str | None, Field(description="The event's id, if one could be read.")]
    field: Annotated[str, Field(description="Dotted path; empty for the whole event.")]
    code: Annotated[str, Field(description="The kind of fault; stable and machine-readable.")]
    message: Annotated[str, Field(description="For people; never contains the input.")]


Rejections = Annotated[
    list[Rejection],
    Field(
        max_length=MAX_ERRORS,
        description="Up to ten faults for each invalid event, in the order of events and fields.",
    ),
]
Truncated = Annotated[
    Literal[True],
    Field(description="Present if there are more faults than `errors` can list."),
]


DryRun = Annotated[
    Literal[True], Field(description="Present if events were only validated; nothing was stored.")
]


@_EXACT
class Receipt(TypedDict):
    """The outcome of the events: accepted and rejected ones are on the broker's disk."""

    accepted: Number
    rejected: Number
    correlationId: CorrelationId
    errors: Rejections
    errorsTruncated: NotRequired[Truncated]
    dryRun: NotRequired[DryRun]


@_EXACT
class RejectedProblem(Problem):
    """None of the events is valid; they are on the broker's disk as dead letters."""

    accepted: Literal[0]
    rejected: Annotated[int, Field(ge=1)]
    errors: Rejections
    errorsTruncated: NotRequired[Truncated]
    dryRun: NotRequired[DryRun]


@_EXACT
class Liveness(TypedDict):
    """Whether the process can do its work."""

    status: Literal["live", "dead"]


@_EXACT
class Readiness(TypedDict):
    """Whether the function can do its work; its servers are checked at each request."""

    status: Literal["ready", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]]
    durability: NotRequired[
        Annotated[
            str,
            Field(
                pattern="^(disk|memory up to [0-9.e+-]+[hms]|unknown)$",
                description=(
                    "Only the gateway: where acknowledged events are. For the stated time they may "
                    "be only in the broker's memory, and are lost if its machine stops."
                ),
            ),
        ]
    ]
    events: NotRequired[
        Annotated[
            Literal["full"],
            Field(
                description=(
                    "Only the gateway, while the stream of events is full: it answers 503. It "
                    "stays ready, so that senders get this answer with `Retry-After`."
                ),
            ),
        ]
    ]
    deadLetters: NotRequired[
        Annotated[
            Literal["summarized"],
            Field(
                description=(
                    "Only the gateway, while the stream of dead letters is full: it keeps only the "
                    "number of rejected events, their faults, and the beginnings of the first ones."
                ),
            ),
        ]
    ]
    refusals: NotRequired[
        Annotated[
            int,
            Field(
                ge=0,
                description=(
                    "Only the gateway: how many requests it answered with 5xx in the last two "
                    "minutes."
                ),
            ),
        ]
    ]
    brokerClockSeconds: NotRequired[
        Annotated[
            float,
            Field(
                description="How many seconds the broker's clock is ahead; missing until it was "
                "first measured."
            ),
        ]
    ]
    databaseClockSeconds: NotRequired[
        Annotated[
            float,
            Field(
                description="How many seconds the database's clock is ahead; missing until it was "
                "first measured."
            ),
        ]
    ]
