"""The operator's questions: raw query parameters in, typed questions out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, get_args
from uuid import UUID

from functions.errors import Fault, Invalid
from functions.messages import Reason
from functions.operator.ports import LetterFilter, Place, State
from functions.parameters import (
    Params,
    Parse,
    Values,
    Wrong,
    parse_choice,
    parse_end,
    parse_flag,
    parse_limit,
    parse_source,
    parse_start,
    parse_text,
    period_of,
    read_parameters,
)

DEFAULT_LIMIT: Final = 100
ANY_STATE: Final = "all"
UUID_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CURSOR_PATTERN: Final = r"[0-9]{1,17}-[0-9a-f]{32}"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """Which letters are there? At most ``limit``, starting at a place."""

    wanted: LetterFilter
    cursor: Place | None
    limit: int


@dataclass(frozen=True, slots=True)
class ReplayQuestion(PageQuestion):
    """The question of a replay: which letters to judge again."""

    dry_run: bool


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """Which letters, by at least one filter?"""

    wanted: LetterFilter
    dry_run: bool


def write_cursor(place: Place) -> str:
    """Write a place as opaque text."""
    return f"{(place.accepted_at - _EPOCH) // _MICROSECOND}-{place.id.hex}"


def parse_cursor(text: str) -> Place:
    """Read what ``write_cursor`` wrote."""
    if not re.fullmatch(CURSOR_PATTERN, text):
        raise Wrong("cursor", "Should be the nextCursor of an earlier answer")
    microseconds, _, key = text.partition("-")
    return Place(_EPOCH + int(microseconds) * _MICROSECOND, UUID(key))


def _parse_id(text: str) -> UUID:
    if not re.fullmatch(UUID_PATTERN, text):
        raise Wrong("uuid", "Should be the id of a dead letter")
    return UUID(text)


_FILTERS: Final[Mapping[str, Parse]] = {
    "from": parse_start,
    "to": parse_end,
    "id": _parse_id,
    "reason": partial(parse_choice, choices=get_args(Reason)),
    "source": parse_source,
    "field": parse_text,
}
_STATE: Final[Mapping[str, Parse]] = {
    "state": partial(parse_choice, choices=(*get_args(State), ANY_STATE))
}
_PAGE: Final[Mapping[str, Parse]] = {"cursor": parse_cursor, "limit": parse_limit}
_DRY_RUN: Final[Mapping[str, Parse]] = {"dryRun": parse_flag}


def parse_page_question(params: Params) -> PageQuestion:
    """Read the question of ``GET /dead-letters``.

    Raises:
        Invalid: With every fault.
    """
    values = read_parameters(params, {**_FILTERS, **_STATE, **_PAGE})
    return PageQuestion(_filter(values), values.get("cursor"), values.get("limit", DEFAULT_LIMIT))


def parse_summary_question(params: Params) -> LetterFilter:
    """Read the question of ``GET /dead-letters/summary``; raises as ``parse_page_question``."""
    return _filter(read_parameters(params, {**_FILTERS, **_STATE}))


def parse_replay_question(params: Params) -> ReplayQuestion:
    """Read the question of ``POST /dead-letters/replay``; raises as ``parse_page_question``."""
    values = read_parameters(params, {**_FILTERS, **_PAGE, **_DRY_RUN})
    return ReplayQuestion(
        _filter(values),
        values.get("cursor"),
        values.get("limit", DEFAULT_LIMIT),
        dry_run=values.get("dryRun", False),
    )


def parse_discard_question(params: Params) -> ChoiceQuestion:
    """Read the question of ``POST /dead-letters/discard``: open letters.

    Raises:
        Invalid: With every fault, including that no filter is given.
    """
    return _choice(params, "open")


def parse_reopen_question(params: Params) -> ChoiceQuestion:
    """Read the question of ``POST /dead-letters/reopen``: discarded letters.

    Raises as ``parse_discard_question``.
    """
    return _choice(params, "discarded")


def parse_trail_question(params: Params) -> str:
    """Read the question of ``GET /events/{source}``: an event's id.

    Raises:
        Invalid: With every fault, including that no id is given.
    """
    values = read_parameters(params, {"id": parse_text})
    if "id" not in values:
        raise Invalid([Fault("id", "missing", "Is missing: give the id of an event")])
    event_id: str = values["id"]
    return event_id


def _choice(params: Params, state: State) -> ChoiceQuestion:
    values = read_parameters(params, {**_FILTERS, **_DRY_RUN})
    if not values.keys() & _FILTERS.keys():
        raise Invalid([Fault("", "no_filter", "Should have at least one filter")])
    return ChoiceQuestion(_filter(values, state), dry_run=values.get("dryRun", False))


def _filter(values: Values, default: State = "open") -> LetterFilter:
    state = values.get("state", default)
    return LetterFilter(
        period_of(values),
        id=values.get("id"),
        reason=values.get("reason"),
        source=values.get("source"),
        field=values.get("field"),
        state=None if state == ANY_STATE else state,
    )
