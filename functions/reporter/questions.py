"""The questions that reports answer: raw query parameters in, typed questions out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from functions.errors import Fault
from functions.events import EVENT_TYPES, FunnelStage, Source
from functions.parameters import (
    Params,
    Parse,
    Values,
    parse_end,
    parse_event_type,
    parse_funnel_stage,
    parse_interval,
    parse_limit,
    parse_source,
    parse_start,
    parse_text,
    parse_timezone,
    period_of,
    read_parameters,
)
from functions.ports import Interval, Period

DEFAULT_LIMIT: Final = 10
_LONGEST_BY_MINUTE: Final = timedelta(days=7)

_SHARED: Mapping[str, Parse] = {
    "from": parse_start,
    "to": parse_end,
    "timezone": parse_timezone,
    "source": parse_source,
}
_EVENTS = {
    **_SHARED,
    "funnelStage": parse_funnel_stage,
    "eventType": parse_event_type,
    "interval": parse_interval,
}
_REVENUE = {
    **_SHARED,
    "campaignId": parse_text,
    "interval": parse_interval,
    "limit": parse_limit,
}
_DEMOGRAPHICS = {**_SHARED, "limit": parse_limit}
_LEDGER = {**_SHARED, "interval": parse_interval}


@dataclass(frozen=True, slots=True)
class EventsQuestion:
    """How many events are there? None is no filter; without an interval no series.

    Attributes:
        timezone: Where days begin; None for UTC.
    """

    period: Period
    source: Source | None = None
    funnel_stage: FunnelStage | None = None
    event_type: str | None = None
    interval: Interval | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class RevenueQuestion:
    """What was earned? None is no filter; without an interval no series."""

    period: Period
    source: Source | None = None
    campaign_id: str | None = None
    interval: Interval | None = None
    limit: int = DEFAULT_LIMIT
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class DemographicsQuestion:
    """Who are the users? None is no filter."""

    period: Period
    source: Source | None = None
    limit: int = DEFAULT_LIMIT
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerQuestion:
    """What became of the events that were accepted? None is no filter."""

    period: Period
    source: Source | None = None
    interval: Interval = "minute"
    timezone: str | None = None


def parse_events_question(params: Params) -> EventsQuestion:
    """Read the question of ``/reports/events``.

    Raises:
        Invalid: With every fault: first those of single parameters, in their
            order, then those of parameters that do not go together.
    """
    values = read_parameters(
        params, _EVENTS, lambda values: [*_kind_faults(values), *_minute_faults(values)]
    )
    return EventsQuestion(
        period_of(values),
        source=values.get("source"),
        funnel_stage=values.get("funnelStage"),
        event_type=values.get("eventType"),
        interval=values.get("interval"),
        timezone=values.get("timezone"),
    )


def parse_revenue_question(params: Params) -> RevenueQuestion:
    """Read the question of ``/reports/revenue``; raises as ``parse_events_question``."""
    values = read_parameters(params, _REVENUE, _minute_faults)
    return RevenueQuestion(
        period_of(values),
        source=values.get("source"),
        campaign_id=values.get("campaignId"),
        interval=values.get("interval"),
        limit=values.get("limit", DEFAULT_LIMIT),
        timezone=values.get("timezone"),
    )


def parse_demographics_question(params: Params) -> DemographicsQuestion:
    """Read the question of ``/reports/demographics``; raises as ``parse_events_question``."""
    values = read_parameters(params, _DEMOGRAPHICS)
    return DemographicsQuestion(
        period_of(values),
        source=values.get("source"),
        limit=values.get("limit", DEFAULT_LIMIT),
        timezone=values.get("timezone"),
    )


def parse_ledger_question(params: Params) -> LedgerQuestion:
    """Read the question of ``/reports/ledger``; raises as ``parse_events_question``."""
    values = read_parameters(params, _LEDGER)
    return LedgerQuestion(
        period_of(values),
        source=values.get("source"),
        interval=values.get("interval", "minute"),
        timezone=values.get("timezone"),
    )


def filters_of(
    question: EventsQuestion | RevenueQuestion | DemographicsQuestion | LedgerQuestion,
) -> dict[str, Any]:
    """List what a question filters by, for its echo: its fields, the period's among them."""
    fields = asdict(question)
    if fields["timezone"] is None:  # the answer's times are in UTC, and say so
        del fields["timezone"]
    return {**fields.pop("period"), **fields}


def _kind_faults(values: Values) -> list[Fault]:
    wanted = values.get("eventType")
    possible = {
        name
        for (source, stage), types in EVENT_TYPES.items()
        if values.get("source", source) == source and values.get("funnelStage", stage) == stage
        for name in types
    }
    if wanted is None or wanted in possible:
        return []
    return [Fault("eventType", "no_such_kind", "Should exist for the source and the funnelStage")]


def _minute_faults(values: Values) -> list[Fault]:
    if values.get("interval") != "minute":
        return []
    start, end = values.get("from"), values.get("to")
    if start is not None and end is not None and end - start <= _LONGEST_BY_MINUTE:
        return []
    message = "Should be longer than a minute, or from and to at most seven days apart"
    return [Fault("interval", "too_many_buckets", message)]
