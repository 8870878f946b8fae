"""The ledger's report: figures in, the answer out."""

from collections.abc import Sequence
from typing import Any

from functions.errors import Fault, Invalid
from functions.ports import LedgerBucket, LedgerFigures
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
        total=Balance(**_balance(*_totals(figures.buckets))),
        waiting=tuple(
            Waiting(
                collector=it.consumer,
                measured_at=it.measured_at,
                messages=it.messages,
                oldest_seconds=it.oldest_seconds,
            )
            for it in figures.backlogs
        ),
        series=tuple(
            answers.LedgerBucket(bucket=shown(it.bucket, zone), **_balance(*it[1:]))
            for it in figures.buckets
        ),
    )


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
