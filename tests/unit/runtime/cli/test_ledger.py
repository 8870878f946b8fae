from dataclasses import replace
from datetime import timedelta

import pytest

from functions.messages import Backlog
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.ledger_report import handle_ledger
from runtime.cli.ledger import LedgerAccount, account_lines, is_balanced
from tests.doubles.fakes_reports import NOON, FakeReports


async def test_the_ledger_is_a_table() -> None:
    figures = LedgerFigures(
        [
            LedgerSum(NOON, 12_000, 11_000, 999, 1, 0, 30, 20, 6, 3),
            LedgerSum(NOON + timedelta(minutes=1), 7, 1, 0, 0, 5),
        ],
        [Backlog("fb-collector", NOON, 3, NOON - timedelta(seconds=1.5), 7)],
    )
    report = await handle_ledger([("source", "facebook")], reports=FakeReports(ledger=figures))

    assert account_lines(LedgerAccount(report)) == [
        (
            "                   accepted  stored  duplicates  dead  in flight  imbalance"
            "  rejected  kept  repeated  rejected: in flight  rejected: imbalance"
        ),
        (
            "2024-01-01 12:00Z    12,000  11,000         999     1          0          0"
            "        30    20         6                    3                    1"
        ),
        (
            "2024-01-01 12:01Z         7       1           0     0          5          1"
            "         0     0         0                    0                    0"
        ),
        (
            "      whole range    12,007  11,001         999     1          5          1"
            "        30    20         6                    3                    1"
        ),
        "",
        "fb-collector: 3 messages waiting, the oldest 1.5 s old, measured 2024-01-01 12:00:00Z",
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
    buckets = [LedgerSum(NOON, *each) for each in counts]
    figures = LedgerFigures(buckets, ())

    report = await handle_ledger([], reports=FakeReports(ledger=figures))

    assert is_balanced(report) is balanced


BACKLOGS = [
    Backlog(name, NOON, 0, None, 7, noted_seconds_ago=2)
    for name in ("dead-letters", "fb-collector", "ttk-collector")
]


async def account_of(backlogs: list[Backlog], **said: object) -> LedgerAccount:
    report = await handle_ledger([], reports=FakeReports(ledger=LedgerFigures((), backlogs)))
    return LedgerAccount(report, **said)  # type: ignore[arg-type]


async def test_an_even_ledger_with_collectors_that_measure_is_even() -> None:
    account = await account_of(BACKLOGS, broker={it.consumer: it for it in BACKLOGS})

    assert (account.exit_code, account.report.warnings) == (0, ())


@pytest.mark.parametrize(
    ("backlogs", "warning"),
    [
        (
            [BACKLOGS[0], replace(BACKLOGS[1], noted_seconds_ago=118.2), BACKLOGS[2]],
            "fb-collector has not measured its backlog for 118 s; is it running?",
        ),
        (
            [replace(BACKLOGS[0], noted_seconds_ago=15.1), *BACKLOGS[1:]],
            "dead-letters has not measured its backlog for 15 s; is it running?",
        ),
        (BACKLOGS[:2], "ttk-collector has never measured its backlog; is it running?"),
    ],
)
async def test_nobody_can_tell_while_a_collector_does_not_measure(
    backlogs: list[Backlog], warning: str
) -> None:
    account = await account_of(backlogs)

    assert account.report.warnings == (warning,)
    assert account_lines(account)[-1] == warning
    assert account.exit_code == 3


async def test_the_broker_reports_the_backlog_of_a_collector_that_does_not_measure() -> None:
    stale = [BACKLOGS[0], replace(BACKLOGS[1], noted_seconds_ago=118), BACKLOGS[2]]
    seen = Backlog("fb-collector", NOON, 193, NOON - timedelta(seconds=99), 7)

    account = await account_of(stale, broker={"fb-collector": seen})

    assert (
        "fb-collector: 193 messages waiting, the oldest 99.0 s old, according to the broker at"
        " 2024-01-01 12:00:00Z"
    ) in account_lines(account)
    assert account.exit_code == 3


async def test_if_no_collector_ever_measured_none_is_expected_to() -> None:
    without, with_broker = await account_of([]), await account_of([], broker={})

    assert (without.exit_code, without.report.warnings) == (0, ())
    assert with_broker.exit_code == 3
    assert len(with_broker.silent) == 3


async def test_missing_events_go_before_unknown_results() -> None:
    figures = LedgerFigures([LedgerSum(NOON, 2, 1, 0, 0, 0)], BACKLOGS[:1])
    report = await handle_ledger([], reports=FakeReports(ledger=figures))
    even = await account_of(BACKLOGS)

    assert LedgerAccount(report, trouble="the broker can't be reached").exit_code == 1
    assert LedgerAccount(even.report, before=report.series).exit_code == 1
    assert LedgerAccount(even.report, trouble="the broker can't be reached").exit_code == 3
    assert (
        "2024-01-01, all day" in account_lines(LedgerAccount(even.report, before=report.series))[1]
    )
