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
        description="Names the request in every log line and every stored row.",
    ),
]

_EXACT = with_config(ConfigDict(extra="forbid"))


@_EXACT
class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: Literal["about:blank"]
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    correlationId: CorrelationId


@_EXACT
class Fault(TypedDict):
    """One thing that is wrong with an input."""

    field: Annotated[str, Field(description="Dotted path; empty for the whole.")]
    code: Annotated[str, Field(description="Stable machine-readable kind of fault.")]
    message: Annotated[str, Field(description="For a person; never repeats the input.")]


@_EXACT
class InvalidProblem(Problem):
    """The request can't be understood; every fault at once."""

    errors: Annotated[list[Fault], Field(min_length=1)]


@_EXACT
class Rejection(TypedDict):
    """An invalid event, and one thing that is wrong with it."""

    index: Annotated[int, Field(ge=0, description="Its place in the request, from 0.")]
    eventId: Annotated[str | None, Field(description="Its id, where one could be read.")]
    field: Annotated[str, Field(description="Dotted path; empty for the whole event.")]
    code: Annotated[str, Field(description="Stable machine-readable kind of fault.")]
    message: Annotated[str, Field(description="For a person; never repeats the input.")]


Rejections = Annotated[
    list[Rejection],
    Field(
        max_length=MAX_ERRORS,
        description="Up to ten for each invalid event, in the order of events and fields.",
    ),
]
Truncated = Annotated[
    Literal[True],
    Field(description="There when more is wrong than `errors` has room for."),
]


DryRun = Annotated[
    Literal[True], Field(description="There when events were only judged, and nothing was kept.")
]


@_EXACT
class Receipt(TypedDict):
    """What became of the events: accepted and rejected ones are on the broker's disk."""

    accepted: Number
    rejected: Number
    correlationId: CorrelationId
    errors: Rejections
    errorsTruncated: NotRequired[Truncated]
    dryRun: NotRequired[DryRun]


@_EXACT
class RejectedProblem(Problem):
    """There were events and none is valid; they are on the broker's disk as dead letters."""

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
    """Whether the function can do its work, with what it uses, asked anew."""

    status: Literal["ready", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]]
    durability: NotRequired[
        Annotated[
            str,
            Field(
                pattern="^(disk|memory up to [0-9.e+-]+[hms]|unknown)$",
                description=(
                    "The gateway's: where what it acknowledged is. In the broker's memory, it may "
                    "be lost for so long if the broker's machine stops."
                ),
            ),
        ]
    ]
    events: NotRequired[
        Annotated[
            Literal["full"],
            Field(
                description=(
                    "The gateway's, while the stream of events has no room: it answers 503. It "
                    "stays ready, so that senders get its answer, and when to come again."
                ),
            ),
        ]
    ]
    deadLetters: NotRequired[
        Annotated[
            Literal["summarized"],
            Field(
                description=(
                    "The gateway's, while the room for dead letters is used up: of rejected "
                    "events it keeps how many, why, and the first ones' beginnings."
                ),
            ),
        ]
    ]
    brokerClockSeconds: NotRequired[
        Annotated[
            float,
            Field(description="How far the broker's clock is ahead; missing until it was asked."),
        ]
    ]
    databaseClockSeconds: NotRequired[
        Annotated[
            float,
            Field(description="How far the database's clock is ahead; missing until it was asked."),
        ]
    ]
