"""Judge the pipeline: current figures in, a verdict and its checks out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

from pydantic import Field

from functions.errors import Unavailable
from functions.json_model import JsonModel
from functions.messages import Backlog
from functions.parameters import Params, read_parameters
from functions.reporter import limits
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.ledger_report import (
    COLLECTORS,
    MEASURED_SECONDS,
    Balance,
    Waiting,
    total_of,
    waiting_of,
)
from functions.reporter.limits import Limit

State = Literal["ok", "failing", "unknown"]

HOUR: Final = timedelta(hours=1)
_WINDOW: Final = timedelta(seconds=limits.WINDOW_SECONDS)
_NO_FIGURES: Final = LedgerFigures((), ())


@dataclass(frozen=True, slots=True)
class GatewayFigures:
    """The gateways as the reporter sees them.

    Attributes:
        unready: How many are not ready.
        refusals: Requests that they answered with 5xx in the last two minutes.
        not_durable: How many answered 202 before the event was on disk.
    """

    unready: int
    refusals: int
    not_durable: int


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """The pipeline's figures at one moment.

    Attributes:
        at: When, by the store's clock, UTC.
        answered_seconds: How long the store took to answer.
        ledger: By the minute, for the last full hour and the time since.
        missed: How many events are not accounted for, of all time.
        first_missed_at: The earliest minute with missing events; None for none.
        own_faults: Dead letters of events that gateways had accepted, of the window.
        summaries: Dead letters that stand for many for lack of room, of the window.
        freshness_seconds: The 99th percentile of the time from acceptance to storage, of
            the newest few events that came on a bus; None if there are no recent ones.
        store_bytes: The store's size.
        store_limit_bytes: The space for it; None if unknown.
        store_days_left: In how many days it is full, at the last hour's rate; None if
            unknown.
        clock_seconds_ahead: How far the store's clock is ahead of ours.
        gateways: None if they are not watched.
    """

    at: datetime
    answered_seconds: float
    ledger: LedgerFigures
    missed: int
    first_missed_at: datetime | None
    own_faults: int
    summaries: int
    freshness_seconds: float | None
    store_bytes: int
    store_limit_bytes: int | None
    store_days_left: float | None
    clock_seconds_ahead: float
    gateways: GatewayFigures | None = None


class Pipeline(Protocol):
    """Provides the pipeline's figures."""

    async def look(self) -> PipelineFigures:
        """Take figures, of now or of a moment ago, all from one snapshot.

        Raises:
            Unavailable: There is no answer now, or not within ``limits.ANSWER_SECONDS``.
        """


class Check(JsonModel):
    """One condition that should hold."""

    name: str
    state: State = Field(
        description="`failing` if the value is beyond the limit; `unknown` if it could not be "
        "measured."
    )
    value: float | None
    limit: float = Field(
        description="The same as in the alert, if there is one. It is the highest good value; for "
        "`database-disk-days` the lowest."
    )
    runbook: str = Field(
        description="What to do about it: a file and a section of the documentation."
    )


class PipelineReport(JsonModel):
    """The state of the whole system: one verdict, and the checks behind it."""

    as_of: datetime = Field(description="UTC, by the database's clock.")
    verdict: Literal["ok", "failing"] = Field(
        description="`failing` if any check fails. An unknown check does not count."
    )
    complete_until: datetime | None = Field(
        description="Reports include every event accepted before this time; null if that is "
        "unknown."
    )
    checks: tuple[Check, ...]
    waiting: tuple[Waiting, ...] = Field(description="As in `/reports/ledger`.")
    last_hour: Balance = Field(description="The ledger of the last 60 minutes.")


async def handle_pipeline(
    params: Params, *, pipeline: Pipeline, now: datetime
) -> tuple[PipelineReport, PipelineFigures | None]:
    """Judge the pipeline.

    A store that does not answer leads to a verdict, not to an error.

    Args:
        params: Decoded names and values of the query; none are allowed.
        pipeline: Provides the figures.
        now: For a verdict without figures.

    Returns:
        The report, and the figures it was made from, if any.

    Raises:
        Invalid: There is a parameter.
    """
    read_parameters(params, {})
    try:
        figures = await pipeline.look()
    except Unavailable:
        return _blind(now), None
    return judge(figures), figures


def judge(figures: PipelineFigures) -> PipelineReport:
    """Compare figures with the limits."""
    checks = tuple(_checks(figures))
    return PipelineReport(
        as_of=figures.at,
        verdict=_verdict(checks),
        complete_until=_complete_until(figures),
        checks=checks,
        waiting=tuple(map(waiting_of, figures.ledger.backlogs)),
        last_hour=total_of(_since(figures.ledger.buckets, figures.at - HOUR)),
    )


def to_json(report: PipelineReport) -> bytes:
    """Write a report as JSON."""
    return report.model_dump_json().encode()


def _checks(figures: PipelineFigures) -> Iterator[Check]:
    yield _check("database", figures.answered_seconds, limits.ANSWER_SECONDS)
    yield _check("ledger", figures.missed, limits.MISSED_EVENTS)
    yield from _collectors({it.consumer: it for it in figures.ledger.backlogs})
    yield _check("freshness", figures.freshness_seconds, limits.FRESHNESS_SECONDS)
    yield _check("accepted-events-dead", figures.own_faults, limits.OWN_FAULTS)
    yield _check("dead-letters-summarized", figures.summaries, limits.SUMMARIES)
    recent = total_of(_since(figures.ledger.buckets, figures.at - _WINDOW))
    yield _check("rejected-ratio", _ratio(recent), limits.REJECTED_RATIO)
    yield _check("database-clock", abs(figures.clock_seconds_ahead), limits.CLOCK_SECONDS)
    filled = figures.store_limit_bytes and figures.store_bytes / figures.store_limit_bytes
    yield _check("database-disk", filled, limits.DISK_RATIO)
    yield _check("database-disk-days", figures.store_days_left, limits.DISK_DAYS)
    yield from _gateways(figures.gateways)


def _gateways(seen: GatewayFigures | None) -> Iterator[Check]:
    for name, value, limit in (
        ("readiness", seen.unready if seen else None, limits.UNREADY_GATEWAYS),
        ("refusals", seen.refusals if seen else None, limits.REFUSED_REQUESTS),
        ("durability", seen.not_durable if seen else None, limits.NOT_DURABLE_GATEWAYS),
    ):
        yield _check(f"gateway-{name}", value, limit)


def _collectors(backlogs: Mapping[str, Backlog]) -> Iterator[Check]:
    """Check each collector; if none has ever measured, none is expected to, as on AWS."""
    for name, source in COLLECTORS.items():
        seen = backlogs.get(name)
        silent = seen.noted_seconds_ago if seen else None
        if silent is None and backlogs:
            yield _check(f"{name}-silence", None, limits.SILENT_SECONDS, or_else="failing")
        else:
            yield _check(f"{name}-silence", silent, limits.SILENT_SECONDS)
        known = seen.oldest_seconds if seen and seen.noted_seconds_ago <= MEASURED_SECONDS else None
        limit = limits.OLDEST_EVENT_SECONDS if source else limits.OLDEST_LETTER_SECONDS
        yield _check(f"{name}-backlog", known, limit)


def _check(name: str, value: float | None, limit: Limit, *, or_else: State = "unknown") -> Check:
    if value is not None:
        or_else = "ok" if limit.allows(value) else "failing"
        value = round(value, 4)
    return Check(name=name, state=or_else, value=value, limit=limit.bound, runbook=limit.runbook)


def _verdict(checks: Sequence[Check]) -> Literal["ok", "failing"]:
    return "failing" if any(check.state == "failing" for check in checks) else "ok"


def _complete_until(figures: PipelineFigures) -> datetime | None:
    """Find the time up to which all events are stored: none waits, none is missing.

    A collector's measurement stays true after it stops: the past gets no less complete.
    """
    seen = {it.consumer: it.oldest_at or it.measured_at for it in figures.ledger.backlogs}
    needed = [name for name, source in COLLECTORS.items() if source is not None]
    if not all(name in seen for name in needed):
        return None
    moments = [seen[name] for name in needed]
    return min([*moments, *filter(None, [figures.first_missed_at])])


def _since(buckets: Sequence[LedgerSum], start: datetime) -> Sequence[LedgerSum]:
    return [bucket for bucket in buckets if bucket.bucket > start]


def _ratio(balance: Balance) -> float:
    events = balance.accepted + balance.rejected
    return balance.rejected / events if events else 0.0


def _blind(now: datetime) -> PipelineReport:
    """Judge without figures: all that is known is that there are none."""
    unknown = PipelineFigures(
        at=now,
        answered_seconds=limits.ANSWER_SECONDS.bound,
        ledger=_NO_FIGURES,
        missed=0,
        first_missed_at=None,
        own_faults=0,
        summaries=0,
        freshness_seconds=None,
        store_bytes=0,
        store_limit_bytes=None,
        store_days_left=None,
        clock_seconds_ahead=0.0,
    )
    report = judge(unknown)
    database, *others = report.checks
    blank = {"state": "unknown", "value": None}
    return report.model_copy(
        update={
            "verdict": "failing",
            "checks": (
                database.model_copy(update={"state": "failing", "value": None}),
                *(other.model_copy(update=blank) for other in others),
            ),
        }
    )


def example() -> PipelineReport:
    """Show a whole that does well."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    at = first + timedelta(minutes=1, seconds=30)
    figures = PipelineFigures(
        at=at,
        answered_seconds=0.004,
        ledger=LedgerFigures(
            [LedgerSum(first, 120, 117, 2, 1, 0)],
            [Backlog(name, at, 0, None, 7, 1.2) for name in COLLECTORS],
        ),
        missed=0,
        first_missed_at=None,
        own_faults=0,
        summaries=0,
        freshness_seconds=0.03,
        store_bytes=1024**3,
        store_limit_bytes=100 * 1024**3,
        store_days_left=42.5,
        clock_seconds_ahead=0.001,
    )
    return judge(figures)
