"""The ledger as a table for people, with what the broker reports right now."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import click
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from functions.errors import Invalid, Unavailable
from functions.events import Source
from functions.messages import Backlog
from functions.parameters import Params
from functions.reporter.handler import Reports
from functions.reporter.ledger_report import (
    COLLECTORS,
    Balance,
    LedgerBucket,
    LedgerReport,
    handle_ledger,
    silence,
)
from runtime.cli.beside import load_beside, nats_url_beside
from runtime.jetstream.backlog import measure
from runtime.jetstream.connection import connected
from runtime.jetstream.streams import CONSUMERS, SUMMARY_COLLECTOR
from runtime.operating import ANSWER_SECONDS, CANT_ASK
from runtime.postgres.pool import opened_now
from runtime.postgres.reporting.reports import PostgresReports
from runtime.settings import DatabaseSettings
from runtime.telemetry.in_words import in_words
from runtime.telemetry.safe_urls import shown

_HEAD = (
    *("", "accepted", "stored", "duplicates", "dead", "in flight", "imbalance"),
    *("rejected", "kept", "repeated", "rejected: in flight", "rejected: imbalance"),
)
_LAST: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """The ledger's answer and the broker's.

    Attributes:
        report: The ledger of the range.
        before: Days before it that are not even; empty if they were not requested.
        broker: What waits now, by consumer, as the broker says; None where it was not asked.
        trouble: Why the broker could not be asked; empty for no trouble.
    """

    report: LedgerReport
    before: Sequence[LedgerBucket] = ()
    broker: Mapping[str, Backlog] | None = None
    trouble: str = ""

    @property
    def exit_code(self) -> int:
        """Return 1 if events are missing, 3 if that is unknown, 0 if the ledger balances."""
        if self.before or not is_balanced(self.report):
            return 1
        return CANT_ASK if self.trouble or self.silent else 0

    @property
    def silent(self) -> Mapping[str, str]:
        """Name the collectors whose measurements are missing or old."""
        ages = {it.collector: it.measured_seconds_ago for it in self.report.waiting}
        source = self.report.filters.source
        expected = _collectors(source) if ages or self.broker is not None else ()
        names = sorted({*ages, *expected})
        told = {name: silence(name, ages.get(name)) for name in names}
        return {name: words for name, words in told.items() if words}


async def read_account(
    settings: DatabaseSettings, nats_url: str | None, params: Params, *, quick: bool = False
) -> LedgerAccount:
    """Ask the database, and the broker if its address is known, concurrently.

    Where ``params`` has neither ``from`` nor ``to``, it is the last hour, and
    the days before it as far as they are not even.

    Args:
        settings: Where the database is.
        nats_url: Where the broker is; None where that is not known.
        params: The question, as ``handle_ledger`` has it.
        quick: Whether to leave the days before out.

    Raises:
        Invalid: The question is wrong.
        Unavailable: The database does not answer.
    """
    (report, before), (found, trouble) = await asyncio.gather(
        _ask_database(settings, params, quick=quick),
        _ask_broker(nats_url, dict(params).get("source")),
    )
    return LedgerAccount(report, before, found, trouble)


async def _ask_database(
    settings: DatabaseSettings, params: Params, *, quick: bool
) -> tuple[LedgerReport, Sequence[LedgerBucket]]:
    asked = dict(params)
    whole = not {"from", "to"} & asked.keys()
    since = f"{datetime.now(UTC) - _LAST:%Y-%m-%dT%H:%M:00Z}"
    async with opened_now(settings, "eps ledger") as pool:
        reports: Reports = PostgresReports(pool)
        question = [*params, ("from", since)] if whole else params
        report = await handle_ledger(question, reports=reports)
        if quick or not whole:
            return report, ()
        earlier = {**asked, "interval": "day", "to": since}
        days = await handle_ledger(list(earlier.items()), reports=reports)
    return report, [it for it in days.series if not _is_even(it)]


async def _ask_broker(
    nats_url: str | None, source: str | None
) -> tuple[Mapping[str, Backlog] | None, str]:
    """Measure each consumer's backlog now, or say why the broker gave no answer."""
    if nats_url is None:
        return None, ""
    found: dict[str, Backlog] = {}
    wanted = [it for it in CONSUMERS if source is None or it.name in _collectors(source)]
    try:
        async with connected(nats_url, "operator", ANSWER_SECONDS, patient=False) as broker:
            async with asyncio.timeout(ANSWER_SECONDS):
                for consumer in wanted:
                    with suppress(NotFoundError):  # its function never ran
                        found[consumer.name] = await measure(broker, consumer)
    except Unavailable as error:
        return None, str(error)
    except (NatsError, TimeoutError, OSError) as error:
        why = in_words(error, ANSWER_SECONDS)
        return None, f"the broker at {shown(nats_url)} can't be reached: {why}"
    return found, ""


def _collectors(source: Source | str | None) -> list[str]:
    return [name for name, own in COLLECTORS.items() if source in {None, own}]


def account_lines(account: LedgerAccount) -> list[str]:
    """Write the ledger: a line for each bucket, the sum, and the broker's backlog."""
    report = account.report
    rows = [
        _HEAD,
        *((f"{it.bucket:%Y-%m-%d}, all day", *_cells(it)) for it in account.before),
        *((f"{it.bucket:%Y-%m-%d %H:%M}Z", *_cells(it)) for it in report.series),
        ("whole range", *_cells(report.total)),
    ]
    return [*_aligned(rows), "", *_waiting_lines(account)]


def _waiting_lines(account: LedgerAccount) -> list[str]:
    noted = {
        it.collector: (
            f"{it.messages} messages waiting, the oldest {it.oldest_seconds:.1f} s old, measured "
            f"{it.measured_at:%Y-%m-%d %H:%M:%S}Z"
        )
        for it in account.report.waiting
    }
    now = {
        name: (
            f"{it.messages} messages waiting, the oldest {it.oldest_seconds:.1f} s old, according "
            f"to the broker at {it.measured_at:%Y-%m-%d %H:%M:%S}Z"
        )
        for name, it in (account.broker or {}).items()
        if name != SUMMARY_COLLECTOR.name or it.messages
    }
    waiting, silent = {**noted, **now}, account.silent
    lines = [f"{name}: {words}" for name, words in sorted(waiting.items())]
    return [*lines, *silent.values()]


def is_balanced(report: LedgerReport) -> bool:
    """Return whether every bucket balances separately: two opposite faults would add up to 0."""
    return all(map(_is_even, report.series))


def _is_even(it: Balance) -> bool:
    return not (it.imbalance or it.rejections.imbalance)


def _cells(it: Balance) -> tuple[str, ...]:
    dead = it.rejections
    numbers = (
        *(it.accepted, it.stored, it.duplicates, it.dead_lettered, it.in_flight, it.imbalance),
        *(it.rejected, dead.kept, dead.repeated, dead.in_flight, dead.imbalance),
    )
    return tuple(f"{number:,}" for number in numbers)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)) for row in rows]


@click.command()
@click.option(
    "--from", "start", help="Events accepted at this time or later: a date-time or a date."
)
@click.option("--to", "end", help="Events accepted before this time; a date includes that day.")
@click.option("--source", help="Only events of this platform: facebook or tiktok.")
@click.option(
    "--interval",
    default="minute",
    show_default=True,
    help="One line per minute, hour, day or week.",
)
@click.option("--quick", is_flag=True, help="Skip the days before the range.")
def ledger(
    *, start: str | None, end: str | None, source: str | None, interval: str, quick: bool
) -> None:
    """Account for every event of DATABASE_URL, or of `eps up`.

    A line for each minute of the last hour, or of the given range:
    accepted = stored + duplicates + dead + in flight + imbalance, and the same
    for rejected events. Without a range, also a line for each earlier day that
    does not balance. Then the backlog of each consumer, asked of the broker
    itself if NATS_URL is known.

    Exit code 0: the ledger balances. 1: events are missing. 3: unknown, because
    the database or the broker can't be asked, or a collector does not measure.
    """
    given = {"from": start, "to": end, "source": source, "interval": interval}
    params = [(name, text) for name, text in given.items() if text is not None]
    settings = load_beside(DatabaseSettings)
    try:
        account = asyncio.run(read_account(settings, nats_url_beside(), params, quick=quick))
    except Invalid as error:
        raise click.UsageError(str(error)) from error
    for line in account_lines(account):
        click.echo(line)
    if account.trouble:
        click.echo(account.trouble, err=True)
    sys.exit(account.exit_code)
