"""The ledger's report: its question, its answer, and the way from one to the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from pydantic import Field

from functions.events import VOCABULARIES, Source
from functions.json_model import JsonModel
from functions.messages import Backlog
from functions.parameters import (
    Interval,
    Params,
    Period,
    parse_interval,
    period_of,
    read_parameters,
)
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.filters import (
    SHARED,
    Filters,
    Number,
    Question,
    Report,
    ReportType,
    filters_of,
)
from functions.reporter.series import MAX_BUCKETS, check_length
from functions.tables import write_list
from functions.zones import shown

_LEDGER = {**SHARED, "interval": parse_interval}


@dataclass(frozen=True, slots=True)
class LedgerQuestion(Question):
    """The question of the ledger report. None is no filter.

    Attributes:
        interval: How long a bucket is.
    """

    interval: Interval = "minute"


def parse_ledger_question(params: Params) -> LedgerQuestion:
    """Read the question of ``/reports/ledger``; raises as ``parse_events_question``."""
    values = read_parameters(params, _LEDGER)
    return LedgerQuestion(
        period_of(values),
        source=values.get("source"),
        interval=values.get("interval", "minute"),
        timezone=values.get("timezone"),
    )


class LedgerFilters(Filters):
    """The filters of the ledger, on the time of acceptance."""

    interval: Interval


class Rejections(JsonModel):
    """The outcomes of rejected events; the four numbers add up to ``rejected``."""

    kept: Number = Field(description="As dead letters.")
    repeated: Number = Field(description="The same dead letter was stored before.")
    in_flight: Number = Field(description="Announced by a gateway, not settled yet.")
    imbalance: int = Field(
        description="Events that are missing; negative if there are too many. 0 unless something "
        "was lost."
    )


class Balance(JsonModel):
    """The outcomes of events.

    ``accepted`` is ``stored`` + ``duplicates`` + ``deadLettered`` + ``inFlight`` + ``imbalance``.
    """

    accepted: Number = Field(description="Valid events, as counted by the gateway.")
    stored: Number
    duplicates: Number = Field(description="The same event was stored before.")
    dead_lettered: Number = Field(description="Stored by a collector as dead letters.")
    in_flight: Number = Field(description="Announced by a gateway, not settled yet.")
    imbalance: int = Field(
        description="Events that are missing; negative if there are too many. 0 unless something "
        "was lost."
    )
    rejected: Number = Field(description="Invalid events, as counted by the gateway.")
    rejections: Rejections


class LedgerBucket(Balance):
    """One bucket, named by its first instant, with the offset of `timezone`."""

    bucket: datetime


class Waiting(JsonModel):
    """A collector's backlog at the broker at its latest measurement."""

    collector: str
    measured_at: datetime
    messages: Number = Field(description="A message holds many events.")
    oldest_seconds: float = Field(description="The age of the oldest message; 0 if there is none.")
    measured_seconds_ago: float = Field(
        description="By the database's clock. Collectors measure every five seconds."
    )


class LedgerReport(Report):
    """The outcomes of events, by the time at which a gateway accepted them."""

    filters: LedgerFilters
    total: Balance
    waiting: tuple[Waiting, ...] = Field(
        description="The latest measurement of each collector, whatever the range; sorted by name."
    )
    warnings: tuple[str, ...] = Field(
        description="One sentence for each collector that does not measure its backlog. An "
        "imbalance of 0 proves that nothing is missing only if there are no warnings."
    )
    series: tuple[LedgerBucket, ...] = Field(description="Oldest first, without empty buckets.")


class LedgerReader(Protocol):
    """Where the ledger is summed; see ``Reports``."""

    async def sum_ledger(self, question: LedgerQuestion, *, max_buckets: int) -> LedgerFigures:
        """Sum what became of events, by bucket of the time of acceptance.

        Args:
            question: Which events, by the minute in which the gateway accepted
                them. With a source, only that platform's, without the backlog
                of dead letters, and without rejected events of unknown
                source.
            max_buckets: At most so many are returned, the oldest ones.
        """


async def handle_ledger(params: Params, *, reports: LedgerReader) -> LedgerReport:
    """Account for accepted events; arguments, result and errors as ``handle_events``."""
    question = parse_ledger_question(params)
    figures = await reports.sum_ledger(question, max_buckets=MAX_BUCKETS + 1)
    return shape(question, figures)


MEASURED_SECONDS: Final = 15.0
"""An older measurement is stale: collectors measure every five seconds, and one that waits
for a busy database may miss a turn."""

COLLECTORS: Final[Mapping[str, Source | None]] = {
    **{names.collector: source for source, names in VOCABULARIES.items()},
    "dead-letters": None,
}
"""The collectors that have to measure, and their sources; None for rejected events."""


def shape(question: LedgerQuestion, figures: LedgerFigures) -> LedgerReport:
    """Add up, and compute the imbalance.

    Raises:
        Invalid: The series would be too long.
    """
    check_length(figures.buckets)
    zone = question.zone
    return LedgerReport(
        filters=LedgerFilters(**filters_of(question)),
        total=total_of(figures.buckets),
        waiting=tuple(map(waiting_of, figures.backlogs)),
        warnings=tuple(_warnings(question.source, figures.backlogs)),
        series=tuple(
            LedgerBucket(bucket=shown(it.bucket, zone), **_balance(*it[1:]))
            for it in figures.buckets
        ),
    )


def total_of(buckets: Sequence[LedgerSum]) -> Balance:
    """Add up buckets."""
    return Balance(**_balance(*_totals(buckets)))


def waiting_of(backlog: Backlog) -> Waiting:
    """Make the answer for a collector's backlog."""
    return Waiting(
        collector=backlog.consumer,
        measured_at=backlog.measured_at,
        messages=backlog.messages,
        oldest_seconds=backlog.oldest_seconds,
        measured_seconds_ago=round(backlog.noted_seconds_ago, 1),
    )


def silence(consumer: str, seconds: float | None) -> str:
    """Warn that a collector does not measure, so that its unsettled messages are unknown.

    Args:
        consumer: Its name.
        seconds: Since when; None if it never has.

    Returns:
        Nothing if it does.
    """
    if seconds is None:
        return f"{consumer} has never measured its backlog; is it running?"
    if seconds <= MEASURED_SECONDS:
        return ""
    return f"{consumer} has not measured its backlog for {seconds:.0f} s; is it running?"


def _warnings(source: Source | None, backlogs: Sequence[Backlog]) -> Iterable[str]:
    """List collectors that don't measure. If none ever has, none is expected to, as on AWS."""
    ages = {it.consumer: it.noted_seconds_ago for it in backlogs}
    expected = [name for name, own in COLLECTORS.items() if source in {None, own}]
    names = sorted({*ages, *expected}) if ages else ()
    return filter(None, (silence(name, ages.get(name)) for name in names))


def _totals(buckets: Sequence[LedgerSum]) -> Sequence[int]:
    columns = zip(_NOTHING, *(it[1:] for it in buckets), strict=True)
    return [sum(column) for column in columns]


_NOTHING = (0,) * len(LedgerSum._fields[1:])


def _balance(*counts: int) -> dict[str, Any]:
    """Make a bucket's balance from its counts in order, with the imbalance."""
    accepted, stored, duplicates, dead, in_flight, rejected, *became = counts
    return {
        "accepted": accepted,
        "stored": stored,
        "duplicates": duplicates,
        "dead_lettered": dead,
        "in_flight": in_flight,
        "imbalance": accepted - stored - duplicates - dead - in_flight,
        "rejected": rejected,
        "rejections": _rejections(rejected, *became),
    }


def _rejections(rejected: int, kept: int, repeated: int, in_flight: int) -> Rejections:
    return Rejections(
        kept=kept,
        repeated=repeated,
        in_flight=in_flight,
        imbalance=rejected - kept - repeated - in_flight,
    )


def to_csv(report: LedgerReport) -> bytes:
    """Write the series, which is always there."""
    return write_list(LedgerBucket, report.series)


def example() -> LedgerReport:
    """Show two minutes, of which the second is not settled to its end."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    seen_at = first + timedelta(minutes=1, seconds=30)
    figures = LedgerFigures(
        [
            LedgerSum(first, 120, 117, 2, 1, 0, 5, 4, 1, 0),
            LedgerSum(first.replace(minute=1), 90, 60, 0, 0, 30),
        ],
        [Backlog("fb-collector", seen_at, 2, seen_at - timedelta(seconds=1), 7)],
    )
    period = Period(first, first.replace(month=2))
    return shape(LedgerQuestion(period, source="facebook"), figures)


LEDGER: Final = ReportType(
    "ledger",
    "Account for events",
    LedgerReport,
    handle_ledger,
    to_csv,
    "The series; the columns of its rejections have a dot in their names.",
    example,
    {
        "from": {"description": "Events that a gateway accepted in this minute or later."},
        "to": {"description": "Events that a gateway accepted before this minute."},
        "interval": {
            "description": "The length of a bucket; weeks start on Monday. A minute by default.",
            "example": "hour",
        },
    },
)
