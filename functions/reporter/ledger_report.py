"""The ledger's report: figures in, the answer out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.ports import Backlog, LedgerBucket, LedgerFigures
from functions.reporter import answers
from functions.reporter.answers import (
    Balance,
    LedgerFilters,
    LedgerReport,
    Rejections,
    Waiting,
)
from functions.reporter.questions import LedgerQuestion, filters_of
from functions.reporter.series import MAX_BUCKETS
from functions.zones import UTC_NAME, shown, zone_of

MEASURED_SECONDS: Final = 15.0
"""A measurement that is older is no news: collectors measure every five seconds,
and one that waits for a busy database may miss a turn."""

COLLECTORS: Final[Mapping[str, Source | None]] = {
    "fb-collector": "facebook",
    "ttk-collector": "tiktok",
    "dead-letters": None,
}
"""Who has to measure, and whose events it takes; None for those that gateways rejected."""


def shape(question: LedgerQuestion, figures: LedgerFigures) -> LedgerReport:
    """Add up, and say what is missing.

    Raises:
        Invalid: The series would be too long.
    """
    if len(figures.buckets) > MAX_BUCKETS:
        message = f"Should give at most {MAX_BUCKETS} buckets: ask for longer ones or less time"
        raise Invalid([Fault("interval", "too_many_buckets", message)])
    zone = zone_of(question.timezone or UTC_NAME)
    return LedgerReport(
        filters=LedgerFilters(**filters_of(question)),
        total=total_of(figures.buckets),
        waiting=tuple(map(waiting_of, figures.backlogs)),
        warnings=tuple(_warnings(question.source, figures.backlogs)),
        series=tuple(
            answers.LedgerBucket(bucket=shown(it.bucket, zone), **_balance(*it[1:]))
            for it in figures.buckets
        ),
    )


def total_of(buckets: Sequence[LedgerBucket]) -> Balance:
    """Add up buckets."""
    return Balance(**_balance(*_totals(buckets)))


def waiting_of(backlog: Backlog) -> Waiting:
    """Write what waited for a collector."""
    return Waiting(
        collector=backlog.consumer,
        measured_at=backlog.measured_at,
        messages=backlog.messages,
        oldest_seconds=backlog.oldest_seconds,
        measured_seconds_ago=round(backlog.noted_seconds_ago, 1),
    )


def silence(consumer: str, seconds: float | None) -> str:
    """Say that a collector does not measure, so that nobody knows what it has not settled.

    Args:
        consumer: Its name.
        seconds: Since when; None where it never has.

    Returns:
        Nothing where it does.
    """
    if seconds is None:
        return f"{consumer}: never measured: is {consumer} running?"
    if seconds <= MEASURED_SECONDS:
        return ""
    return f"{consumer}: not measured for {seconds:.0f} s: is {consumer} running?"


def _warnings(source: Source | None, backlogs: Sequence[Backlog]) -> Iterable[str]:
    """Say who does not measure. Where nobody ever has, nobody is expected to, as on AWS."""
    ages = {it.consumer: it.noted_seconds_ago for it in backlogs}
    expected = [name for name, own in COLLECTORS.items() if source in {None, own}]
    names = sorted({*ages, *expected}) if ages else ()
    return filter(None, (silence(name, ages.get(name)) for name in names))


def _totals(buckets: Sequence[LedgerBucket]) -> Sequence[int]:
    columns = zip(_NOTHING, *(it[1:] for it in buckets), strict=True)
    return [sum(column) for column in columns]


_NOTHING = (0,) * len(LedgerBucket._fields[1:])


def _balance(*counts: int) -> dict[str, Any]:
    """Write a bucket's counts, in its order, and what is missing."""
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
