"""The ledger as a person reads it."""

from collections.abc import Sequence

from functions.parameters import Params
from functions.ports import Reports
from functions.reporter.answers import Balance, LedgerReport
from functions.reporter.handler import handle_ledger
from runtime.postgres.pool import opened
from runtime.postgres.reports import PostgresReports
from runtime.settings import DatabaseSettings

_HEAD = (
    *("", "accepted", "stored", "duplicates", "dead", "in flight", "imbalance"),
    *("rejected", "kept", "repeated", "in flight", "imbalance"),
)


async def read_ledger(settings: DatabaseSettings, params: Params) -> LedgerReport:
    """Ask the database; raises as ``handle_ledger``."""
    async with opened(settings, "eps ledger") as pool:
        reports: Reports = PostgresReports(pool)
        return await handle_ledger(params, reports=reports)


def ledger_lines(report: LedgerReport) -> list[str]:
    """Write the ledger: a line for each bucket, the sum, and what waits at the broker."""
    rows = [
        _HEAD,
        *((f"{it.bucket:%Y-%m-%d %H:%M}Z", *_cells(it)) for it in report.series),
        ("all", *_cells(report.total)),
    ]
    waiting = [
        f"{it.collector}: {it.messages} messages waiting, the oldest {it.oldest_seconds:.1f} s"
        f" old, seen {it.measured_at:%Y-%m-%d %H:%M:%S}Z"
        for it in report.waiting
    ]
    return [*_aligned(rows), "", *waiting]


def is_balanced(report: LedgerReport) -> bool:
    """Tell whether no bucket has events missing or too many: what is amiss twice adds up to 0."""
    return not any(it.imbalance or it.rejections.imbalance for it in report.series)


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
