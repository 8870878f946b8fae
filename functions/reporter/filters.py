"""Shared by all reports: their common filters, and how an answer echoes them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import MISSING, Field

from functions.errors import Fault
from functions.events import Source
from functions.json_model import JsonModel
from functions.parameters import (
    Parse,
    Period,
    Values,
    parse_channel,
    parse_end,
    parse_source,
    parse_start,
    parse_timezone,
)
from functions.senders import Channel
from functions.zones import UTC_NAME, zone_of

DEFAULT_LIMIT: Final = 10
_LONGEST_BY_MINUTE: Final = timedelta(days=7)

SHARED: Mapping[str, Parse] = {
    "from": parse_start,
    "to": parse_end,
    "timezone": parse_timezone,
    "source": parse_source,
}

CHANNELED: Mapping[str, Parse] = {**SHARED, "channel": parse_channel}
"""Of the reports about events."""


@dataclass(frozen=True, slots=True)
class Question:
    """The filters of every report. None is no filter.

    Attributes:
        timezone: Where days begin; None for UTC.
        channel: How the events came.
    """

    period: Period
    source: Source | None = None
    timezone: str | None = None
    channel: Channel | None = None

    @property
    def zone_name(self) -> str:
        """The name of the zone in which days and buckets begin."""
        return self.timezone or UTC_NAME

    @property
    def zone(self) -> tzinfo:
        """That zone."""
        return zone_of(self.zone_name)


def filters_of(question: Question) -> dict[str, Any]:
    """List a question's filters for the answer's echo: its fields, including the period's."""
    fields = asdict(question)
    if fields["timezone"] is None:  # the answer's times are in UTC and marked so
        del fields["timezone"]
    for name in ("channel", "currency"):
        if fields.get(name) is None:
            fields.pop(name, None)
    return {**fields.pop("period"), **fields}


def minute_faults(values: Values) -> list[Fault]:
    """Reject a series by minute over more than seven days."""
    if values.get("interval") != "minute":
        return []
    start, end = values.get("from"), values.get("to")
    if start is not None and end is not None and end - start <= _LONGEST_BY_MINUTE:
        return []
    message = "Should be longer than a minute, or from and to at most seven days apart"
    return [Fault("interval", "too_many_buckets", message)]


Number = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=1, le=100)]
SeriesGaps = Annotated[
    Literal[True] | MISSING,
    Field(description="Present and true if the empty buckets of a very long series are left out."),
]


class Filters(JsonModel):
    """The filters of the report as they were understood; null means no filter."""

    start: datetime | None = Field(alias="from", description="The first instant of the range, UTC.")
    end: datetime | None = Field(alias="to", description="The end of the range, UTC; not included.")
    source: Source | None
    timezone: str | MISSING = Field(
        default=MISSING, description="Present if it was given; otherwise days are in UTC."
    )


class ChannelFilters(Filters):
    """The filters of reports about events."""

    channel: Channel | MISSING = Field(default=MISSING, description="Present if it was given.")


class Report(JsonModel):
    """The common part of all reports."""

    filters: Filters


AnyReport = TypeVar("AnyReport", bound=Report)


@dataclass(frozen=True, slots=True)
class ReportType(Generic[AnyReport]):
    """A report's row: its routes, its metric, its table and its documentation follow from it.

    Attributes:
        name: The last part of its path, ``/reports/NAME``.
        summary: What it does, in a few words.
        answer: Its model.
        handle: Answers the parameters of a query; see ``handle_events``.
        to_csv: Writes its main list, or its series where it has one, as CSV.
        table: What that table is, in a sentence.
        example: Makes one to show.
        parameters: What is said of its parameters by name, where it differs from other reports.
    """

    name: str
    summary: str
    answer: type[AnyReport]
    handle: Callable[..., Awaitable[AnyReport]]
    to_csv: Callable[[AnyReport], bytes]
    table: str
    example: Callable[[], AnyReport]
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
