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
    Field(description="Send it as `cursor` to get the next page; null on the last page."),
]
TraceParent = Annotated[
    str | None, Field(description="The request's W3C `traceparent`; null if it had none.")
]


class DeadLetterHead(JsonModel):
    """A dead letter, without any text of its sender."""

    id: UUID
    accepted_at: datetime = Field(description="When the gateway accepted it, UTC.")
    stored_at: datetime
    state: State
    reason: Reason
    source: Source | None
    field: str = Field(description="Dotted path; empty if it is not one field.")
    code: str
    message: str
    correlation_id: str | None
    trace_parent: TraceParent
    payload_bytes: Number = Field(
        description="Their number as stored; several events are stored compressed."
    )
    elements: Annotated[int, Field(ge=1)] = Field(
        description="How many events of its request it holds. After the first 1,000 rejected "
        "events of a request, the rest share one dead letter."
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
    """The number of dead letters."""

    total_letters: Number
    counts: tuple[DeadLetterCount, ...] = Field(
        description="The newest day first, then by reason and field."
    )


class DeadLetterHappening(JsonModel):
    """One action on a dead letter."""

    at: datetime
    action: Action
    field: str
    code: str
    message: str
    events: Number = Field(description="How many events were stored by it.")
    correlation_id: str = Field(description="That of the request that did it.")


class DeadLetter(DeadLetterHead):
    """A dead letter with its bytes, which may hold personal data, and its history."""

    event_id: str | None
    payload_encoding: Literal["utf-8", "base64"]
    payload: str = Field(
        description="The original bytes, in that encoding. Several events are uncompressed, one on "
        "each line, and only the beginning is shown."
    )
    payload_truncated: bool = Field(description="Whether `payload` is only the beginning.")
    history: tuple[DeadLetterHappening, ...] = Field(description="Oldest first.")


class Replayed(JsonModel):
    """The result of validating dead letters again."""

    dry_run: bool = Field(description="Whether this was a trial that changed nothing.")
    replayed: Number = Field(description="Letters whose events are valid now.")
    failed: Number = Field(description="Letters that are still invalid and stay open.")
    stored: Number = Field(description="Events written.")
    duplicates: Number = Field(description="Events that were stored before.")
    next_cursor: Cursor


class Discarded(JsonModel):
    """The number of dead letters that were discarded; nothing is deleted."""

    dry_run: bool = Field(description="Whether this was a trial that changed nothing.")
    discarded: Number


class Reopened(JsonModel):
    """The number of discarded dead letters that are open again."""

    dry_run: bool = Field(description="Whether this was a trial that changed nothing.")
    reopened: Number


class TrailEvent(JsonModel):
    """An event as it is stored."""

    correlation_id: str
    trace_parent: TraceParent
    accepted_at: datetime = Field(description="When the gateway accepted it, UTC.")
    published_at: datetime | None = Field(
        description="When the broker stored its message, UTC. This and the next two are null if "
        "the event came by a replay or by a bus that does not report them."
    )
    stream_sequence: Number | None = Field(
        description="That message's sequence number in the broker's stream."
    )
    deliveries: Number | None = Field(
        description="How often that message had been delivered when it was stored."
    )
    stored_at: datetime = Field(description="When the transaction that stored it began, UTC.")
    channel: Channel = Field(
        description="How it came: in the native format, or by one of a platform's interfaces."
    )
    retracted_at: datetime | None = Field(
        description="When the platform took it back, UTC; no report counts it then."
    )
    payload: str = Field(
        description="Its JSON text, byte for byte as it arrived, or its canonical record."
    )


class EventTrail(JsonModel):
    """The history of an event."""

    source: Source
    event_id: str
    event: TrailEvent | None = Field(description="Null if it is not stored.")
    dead_letters: tuple[DeadLetterHead, ...] = Field(
        max_length=100,
        description="Dead letters that have its id, or from which it was stored; oldest first.",
    )


OperatorAnswer = (
    DeadLetterPage | DeadLetterSummary | DeadLetter | Replayed | Discarded | Reopened | EventTrail
)


def to_json(answer: OperatorAnswer) -> bytes:
    """Write an answer as JSON."""
    return answer.model_dump_json().encode()
