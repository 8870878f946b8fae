"""The operator's answers, exactly as in their JSON."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from functions.events import Source
from functions.json_model import JsonModel
from functions.messages import Reason
from functions.operator.ports import Action, State
from functions.senders import Channel

Number = Annotated[int, Field(ge=0)]
Cursor = Annotated[
    str | None,
    Field(description="Ask the same with it as `cursor` for what follows; null at the end."),
]
TraceParent = Annotated[
    str | None, Field(description="The request's W3C `traceparent`; null where it had none.")
]


class DeadLetterHead(JsonModel):
    """A dead letter, without a word of what its sender wrote."""

    id: UUID
    accepted_at: datetime = Field(description="When the gateway took it, UTC.")
    stored_at: datetime
    state: State
    reason: Reason
    source: Source | None
    field: str = Field(description="Dotted path; empty for the whole.")
    code: str
    message: str
    correlation_id: str | None
    trace_parent: TraceParent
    payload_bytes: Number = Field(description="As they are kept; of several events, packed.")
    elements: Annotated[int, Field(ge=1)] = Field(
        description="How many events of its request it holds: beyond 1,000 rejected ones of one "
        "request, the rest are together in one."
    )
    channel: Channel = Field(
        description="How it came: in the native format, or by which interface of a platform.",
    )


class DeadLetterPage(JsonModel):
    """Dead letters, the newest first."""

    letters: tuple[DeadLetterHead, ...]
    next_cursor: Cursor


class DeadLetterCount(JsonModel):
    """Dead letters of one day (UTC), reason and field."""

    day: date
    reason: Reason
    field: str
    letters: Number
    elements: Number = Field(description="How many events they hold.")


class DeadLetterSummary(JsonModel):
    """How many dead letters there are."""

    total_letters: Number
    counts: tuple[DeadLetterCount, ...] = Field(
        description="The newest day first, then by reason and field."
    )


class DeadLetterHappening(JsonModel):
    """What was done to a dead letter once."""

    at: datetime
    action: Action
    field: str
    code: str
    message: str
    events: Number = Field(description="How many events came of it.")
    correlation_id: str = Field(description="The request's that did it.")


class DeadLetter(DeadLetterHead):
    """A dead letter with its bytes and its history: handle with care."""

    event_id: str | None
    payload_encoding: Literal["utf-8", "base64"]
    payload: str = Field(
        description="The original bytes, in that encoding; of several events the beginning, "
        "unpacked, a line each."
    )
    payload_truncated: bool = Field(description="Whether it is only the beginning.")
    history: tuple[DeadLetterHappening, ...] = Field(description="Oldest first.")


class Replayed(JsonModel):
    """What dead letters are today."""

    dry_run: bool = Field(description="Whether nothing was changed.")
    replayed: Number = Field(description="Letters that live again.")
    failed: Number = Field(description="Letters that stay open.")
    stored: Number = Field(description="Events written.")
    duplicates: Number = Field(description="Events that were there already.")
    next_cursor: Cursor


class Discarded(JsonModel):
    """How many dead letters were given up; nothing is deleted."""

    dry_run: bool = Field(description="Whether nothing was changed.")
    discarded: Number


class Reopened(JsonModel):
    """How many dead letters that were given up are open again."""

    dry_run: bool = Field(description="Whether nothing was changed.")
    reopened: Number


class TrailEvent(JsonModel):
    """An event as it is stored."""

    correlation_id: str
    trace_parent: TraceParent
    accepted_at: datetime = Field(description="When the gateway took it, UTC.")
    published_at: datetime | None = Field(
        description="When the broker took its message, UTC; null, as are the next two, of what "
        "came by a replay or by a bus that does not tell."
    )
    stream_sequence: Number | None = Field(
        description="That message's place in the broker's stream."
    )
    deliveries: Number | None = Field(
        description="How often that message had been delivered when it was stored."
    )
    stored_at: datetime = Field(description="When the transaction began that stored it, UTC.")
    payload: str = Field(description="Its JSON text, byte for byte as it came.")


class EventTrail(JsonModel):
    """What became of an event."""

    source: Source
    event_id: str
    event: TrailEvent | None = Field(description="Null where it is not stored.")
    dead_letters: tuple[DeadLetterHead, ...] = Field(
        max_length=100, description="Those that bear its id, or became it; oldest first."
    )


OperatorAnswer = (
    DeadLetterPage | DeadLetterSummary | DeadLetter | Replayed | Discarded | Reopened | EventTrail
)


def to_json(answer: OperatorAnswer) -> bytes:
    """Write an answer as JSON."""
    return answer.model_dump_json().encode()
