"""The operator's part of the reporter's document."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final, get_args
from uuid import UUID

from pydantic import BaseModel

from functions.errors import Fault
from functions.events import SOURCES
from functions.messages import Reason
from functions.operator import answers
from functions.operator.ports import State
from functions.operator.questions import ANY_STATE, CURSOR_PATTERN, DEFAULT_LIMIT, UUID_PATTERN
from functions.parameters import MAX_LIMIT
from runtime.http.documentation.document import operation
from runtime.http.documentation.responses import (
    AS_CSV,
    csv_answer,
    formed_answer,
    invalid,
    json_answer,
    refusal,
    unavailable,
)
from runtime.http.documentation.schemas import Schema
from runtime.http.negotiation import CSV, HTML
from runtime.http.operator import NO_SUCH_EVENT, NO_SUCH_LETTER

ANSWERS: Final[Mapping[str, type[BaseModel]]] = {
    model.__name__: model for model in get_args(answers.OperatorAnswer)
}

_NOON: Final = datetime(2024, 1, 1, 12, tzinfo=UTC)
_HEAD: Final = answers.DeadLetterHead(
    id=UUID("0f8e1c52-6a63-8d0b-9a6e-2f1c7b0d4e11"),
    accepted_at=_NOON,
    stored_at=_NOON,
    state="open",
    reason="rejected",
    source="facebook",
    field="data.user.age",
    code="int_type",
    message="Input should be a valid integer",
    correlation_id="order-import-42",
    trace_parent=None,
    payload_bytes=425,
    elements=1,
    channel="native",
)


_PAGE: Final = answers.DeadLetterPage(letters=(_HEAD,), next_cursor=None)
_SUMMARY: Final = answers.DeadLetterSummary(
    total_letters=1,
    counts=(
        answers.DeadLetterCount(
            day=_NOON.date(), reason="rejected", field="data.user.age", letters=1, elements=1
        ),
    ),
)
_REPLAYED: Final = answers.Replayed(
    dry_run=False, replayed=1, failed=0, stored=1, duplicates=0, next_cursor=None
)
_DISCARDED: Final = answers.Discarded(dry_run=True, discarded=3)
_REOPENED: Final = answers.Reopened(dry_run=True, reopened=3)
_LETTER: Final = answers.DeadLetter(
    **_HEAD.model_dump(by_alias=False),
    event_id="fb-1",
    payload_encoding="utf-8",
    payload='{"eventId":"fb-1"}',
    payload_truncated=False,
    history=(),
)
_TRAIL: Final = answers.EventTrail(
    source="facebook",
    event_id="fb-1",
    event=answers.TrailEvent(
        correlation_id="order-import-42",
        trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        accepted_at=_NOON,
        published_at=_NOON,
        stream_sequence=42,
        deliveries=1,
        stored_at=_NOON,
        channel="native",
        retracted_at=None,
        payload='{"eventId":"fb-1"}',
    ),
    dead_letters=(),
)


def _query(name: str, description: str, schema: Schema, example: Any) -> Schema:
    described = {"description": description, "schema": schema, "example": example}
    return {"name": name, "in": "query", **described}


def _path(name: str, description: str, schema: Schema, example: str) -> Schema:
    return {**_query(name, description, schema, example), "in": "path", "required": True}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


_UUID: Final = _text(UUID_PATTERN)
_LETTER_ID: Final = _path("id", "The id of the dead letter.", _UUID, str(_HEAD.id))
_SOURCE: Final = _path(
    "source",
    "The platform that sent the event.",
    {"type": "string", "enum": list(SOURCES)},
    "facebook",
)
_EVENT_ID: Final = _path(
    "eventId",
    "The event's id from the platform, percent-encoded; it may contain any character.",
    {"type": "string", "minLength": 1},
    "fb-1",
)
_EVENT_ID_IN_QUERY: Final = {
    **_query(
        "id",
        "The event's id from the platform; it may contain any character.",
        _text("[^\\u0000]+"),
        "fb-1",
    ),
    "required": True,
}
_STATE: Final = _query(
    "state",
    "Only dead letters in this state; `all` for every state.",
    {"type": "string", "enum": [*get_args(State), ANY_STATE], "default": "open"},
    "open",
)


_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
_PAGING: Final = [
    _query(
        "cursor",
        "The `nextCursor` of the previous page.",
        _text(CURSOR_PATTERN),
        f"1704110400000000-{_HEAD.id.hex}",
    ),
    _query("limit", "The maximum number of dead letters.", _LIMIT, DEFAULT_LIMIT),
]
_DRY_RUN: Final = _query(
    "dryRun",
    "If `true`, only show the result and change nothing.",
    {"type": "string", "enum": ["true", "false"], "default": "false"},
    "true",
)


_PAGES: Final = (answers.DeadLetter, answers.Replayed, answers.Discarded, answers.Reopened)
"""Operations whose answer a browser gets as a page."""

_WRONG: Final = invalid(
    "One or more parameters are wrong, or do not go together. Every fault is listed.",
    Fault("from", "range", "Should be before to"),
)
_NO_ID: Final = invalid(
    "The id is missing, or there is another parameter. Every fault is listed.",
    Fault("id", "missing", "Is missing: give the id of an event"),
)
_LINK: Final = {
    "Link": {
        "description": "The link to the next page, with `rel` `next`, if there is one.",
        "required": False,
        "schema": {"type": "string"},
    }
}


def operator_paths(moments: Mapping[str, Schema], behind: Sequence[str]) -> dict[str, Schema]:
    """Describe the operator's operations.

    Args:
        moments: The parameters ``from``, ``to`` and ``source``, as in reports.
        behind: Names of the security schemes, any of which opens them; empty if they are open.
    """
    filters = _filters(moments)
    asked, found = partial(_asked, behind=behind), partial(_found, behind=behind)
    return {
        "/dead-letters": {
            "get": _operation(
                "listDeadLetters",
                "List dead letters",
                _PAGE,
                [*filters, _STATE, *_PAGING],
                {"400": _WRONG},
                done=formed_answer(
                    "Done.", "DeadLetterPage", _PAGE.model_dump(mode="json"), CSV, HTML
                ),
                more=AS_CSV,
                behind=behind,
            )
        },
        "/dead-letters.csv": {
            "get": _operation(
                "listDeadLettersAsCsv",
                "List dead letters, as CSV",
                _PAGE,
                [*filters, _STATE, *_PAGING],
                {"400": _WRONG},
                done=csv_answer("The table.", _LINK),
                behind=behind,
            )
        },
        "/dead-letters/summary": asked(
            "get", "countDeadLetters", "Count dead letters", _SUMMARY, [*filters, _STATE]
        ),
        "/dead-letters/replay": asked(
            "post",
            "replayDeadLetters",
            "Validate a page of open dead letters again, and store the events that are valid now",
            _REPLAYED,
            [*filters, *_PAGING, _DRY_RUN],
        ),
        "/dead-letters/discard": asked(
            "post",
            "discardDeadLetters",
            "Discard the open dead letters that match the filters; at least one is needed",
            _DISCARDED,
            [*filters, _DRY_RUN],
        ),
        "/dead-letters/reopen": asked(
            "post",
            "reopenDeadLetters",
            "Reopen the discarded dead letters that match the filters; at least one is needed",
            _REOPENED,
            [*filters, _DRY_RUN],
        ),
        "/dead-letters/{id}": found(
            "getDeadLetter",
            "Show a dead letter with its bytes",
            _LETTER,
            [_LETTER_ID],
            NO_SUCH_LETTER,
        ),
        "/events/{source}": {
            "get": _operation(
                "findEvent",
                "Show what became of an event, if a proxy or platform would change its id in the "
                "path",
                _TRAIL,
                [_SOURCE, _EVENT_ID_IN_QUERY],
                {"400": _NO_ID, "404": _missing(NO_SUCH_EVENT)},
                behind=behind,
            )
        },
        "/events/{source}/{eventId}": found(
            "getEvent", "Show what became of an event", _TRAIL, [_SOURCE, _EVENT_ID], NO_SUCH_EVENT
        ),
    }


def _filters(moments: Mapping[str, Schema]) -> list[Schema]:
    return [
        *({"name": name, "in": "query", **moments[name]} for name in ("from", "to", "source")),
        _query("id", "Only this dead letter.", _UUID, str(_HEAD.id)),
        _query(
            "reason",
            "`rejected`: the event violates the contract; `unreadable`: a collector could not "
            "read it; `refused`: the database refused it; `too_old`: events of its time were "
            "archived; `summarized`: it stands for rejected events for which there was no room.",
            {"type": "string", "enum": list(get_args(Reason))},
            "rejected",
        ),
        _query(
            "field",
            "Only dead letters with a fault in this field.",
            _text("[^\\u0000]+"),
            "data.user.age",
        ),
    ]


def _asked(
    method: str,
    name: str,
    summary: str,
    example: BaseModel,
    parameters: list[Schema],
    *,
    behind: Sequence[str],
) -> Schema:
    refused = {"400": _WRONG}
    return {method: _operation(name, summary, example, parameters, refused, behind=behind)}


def _found(
    name: str,
    summary: str,
    example: BaseModel,
    parameters: list[Schema],
    nothing: str,
    *,
    behind: Sequence[str],
) -> Schema:
    refused = {"404": _missing(nothing)}
    return {"get": _operation(name, summary, example, parameters, refused, behind=behind)}


def _missing(nothing: str) -> Schema:
    return refusal(HTTPStatus.NOT_FOUND, f"{nothing}.", nothing)


def _operation(
    name: str,
    summary: str,
    example: BaseModel,
    parameters: list[Schema],
    refused: Schema,
    *,
    behind: Sequence[str],
    done: Schema | None = None,
    more: str = "",
) -> Schema:
    model = type(example)
    shown = example.model_dump(mode="json")
    if done is None and model in _PAGES:
        done = formed_answer("Done.", model.__name__, shown, HTML)
    done = done or json_answer("Done.", model.__name__, shown)
    away = unavailable("There is no answer now; repeat the request.")
    return operation(
        "Operator",
        name,
        summary,
        f"{model.__doc__}\n\n{more}".strip(),
        {"200": done, **refused, "503": away},
        parameters=parameters,
        behind=behind,
    )
