from datetime import timedelta

import pytest

from functions.ports import Backlog, LedgerBucket, LedgerFigures
from functions.reporter.handler import handle_ledger
from runtime.ledger_table import is_balanced, ledger_lines
from tests.fakes_reports import NOON, FakeReports


async def test_the_ledger_is_a_table() -> None:
    figures = LedgerFigures(
        [
            LedgerBucket(NOON, 12_000, 11_000, 999, 1, 0, 30, 20, 6, 3),
            LedgerBucket(NOON + timedelta(minutes=1), 7, 1, 0, 0, 5),
        ],
        [Backlog("fb-collector", NOON, 3, NOON - timedelta(seconds=1.5), 7)],
    )
    report = await handle_ledger([], reports=FakeReports(ledger=figures))

    assert ledger_lines(report) == [
        (
            "                   accepted  stored  duplicates  dead  in flight  imbalance"
            "  rejected  kept  repeated  in flight  imbalance"
        ),
        (
            "2024-01-01 12:00Z    12,000  11,000         999     1          0          0"
            "        30    20         6          3          1"
        ),
        (
            "2024-01-01 12:01Z         7       1           0     0          5          1"
            "         0     0         0          0          0"
        ),
        (
            "              all    12,007  11,001         999     1          5          1"
            "        30    20         6          3          1"
        ),
        "",
        "fb-collector: 3 messages waiting, the oldest 1.5 s old, seen 2024-01-01 12:00:00Z",
    ]


@pytest.mark.parametrize(
    ("counts", "balanced"),
    [
        ([(9, 6, 1, 1, 1, 7, 4, 2, 1)], True),
        ([(2, 1, 0, 0, 0)], False),
        ([(0, 0, 0, 0, 0, 2, 1, 0, 0)], False),
        ([(2, 1, 0, 0, 0), (1, 2, 0, 0, 0)], False),
        ([(0, 0, 0, 0, 0, 2, 1, 0, 0), (0, 0, 0, 0, 0, 1, 2, 0, 0)], False),
    ],
)
async def test_the_ledger_balances_when_each_bucket_does(
    counts: list[tuple[int, ...]], *, balanced: bool
) -> None:
    buckets = [LedgerBucket(NOON, *each) for each in counts]
    figures = LedgerFigures(buckets, ())

    report = await handle_ledger([], reports=FakeReports(ledger=figures))

    assert is_balanced(report) is balanced
