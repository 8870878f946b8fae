"""The verdict on the system: figures against limits, and the requests for it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from functions.errors import Invalid, Unavailable
from functions.messages import Backlog
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.ledger_report import COLLECTORS
from functions.reporter.pipeline import (
    GatewayFigures,
    PipelineFigures,
    PipelineReport,
    handle_pipeline,
    judge,
)
from runtime.http.pipeline import SharedPipeline, pipeline_endpoints
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, new_registry
from tests.doubles.fakes_reports import NOON

MINUTE = timedelta(minutes=1)


def backlogs(**changes: Any) -> list[Backlog]:
    """All three were measured two seconds ago; the first one changed."""
    first, *others = [Backlog(name, NOON, 0, None, 1, 2.0) for name in COLLECTORS]
    return [replace(first, **changes), *others]


def figures(**changes: Any) -> PipelineFigures:
    minutes = [LedgerSum(NOON - MINUTE, 1_000, 990, 8, 2, 0, 5, 5, 0, 0)]
    usual = PipelineFigures(
        at=NOON,
        answered_seconds=0.002,
        ledger=LedgerFigures(minutes, backlogs()),
        missed=0,
        first_missed_at=None,
        own_faults=0,
        summaries=0,
        freshness_seconds=0.2,
        store_bytes=10,
        store_limit_bytes=100,
        store_days_left=30.0,
        clock_seconds_ahead=0.01,
        gateways=GatewayFigures(0, 0, 0),
    )
    return replace(usual, **changes)


def with_ledger(
    minutes: list[LedgerSum] | None = None, seen: list[Backlog] | None = None
) -> PipelineFigures:
    return figures(ledger=LedgerFigures(minutes or [], backlogs() if seen is None else seen))


def failing(report: PipelineReport) -> set[str]:
    return {check.name for check in report.checks if check.state == "failing"}


@dataclass
class FakePipeline:
    figures: PipelineFigures | None
    looks: int = 0

    async def look(self) -> PipelineFigures:
        self.looks += 1
        await asyncio.sleep(0)
        if self.figures is None:
            raise Unavailable("away")
        return self.figures


def test_all_is_well() -> None:
    report = judge(figures())

    assert report.verdict == "ok"
    assert {check.state for check in report.checks} == {"ok"}
    assert report.complete_until == NOON
    assert report.last_hour.accepted == 1_000


@pytest.mark.parametrize(
    ("amiss", "names"),
    [
        (figures(gateways=GatewayFigures(1, 0, 0)), {"gateway-readiness"}),
        (figures(gateways=GatewayFigures(0, 1, 0)), {"gateway-refusals"}),
        (figures(gateways=GatewayFigures(0, 0, 1)), {"gateway-durability"}),
        (figures(missed=1), {"ledger"}),
        (figures(own_faults=1), {"accepted-events-dead"}),
        (figures(summaries=1), {"dead-letters-summarized"}),
        (figures(clock_seconds_ahead=-61.0), {"database-clock"}),
        (figures(store_bytes=81), {"database-disk"}),
        (figures(store_days_left=3.9), {"database-disk-days"}),
        (figures(freshness_seconds=5.1), {"freshness"}),
        (with_ledger([LedgerSum(NOON - MINUTE, 98, 98, 0, 0, 0, 2)]), {"rejected-ratio"}),
        (
            with_ledger(seen=backlogs(messages=4, oldest_at=NOON - timedelta(seconds=31))),
            {"fb-collector-backlog"},
        ),
        (with_ledger(seen=backlogs(noted_seconds_ago=16.0)), {"fb-collector-silence"}),
        (with_ledger(seen=backlogs()[1:]), {"fb-collector-silence"}),
    ],
)
def test_only_checks_over_their_limit_fail(amiss: PipelineFigures, names: set[str]) -> None:
    report = judge(amiss)

    assert failing(report) == names
    assert report.verdict == "failing"


@pytest.mark.parametrize(
    "fine",
    [
        figures(gateways=None),
        figures(clock_seconds_ahead=60.0),
        figures(store_bytes=80),
        figures(store_days_left=4.0),
        figures(store_days_left=None),
        figures(freshness_seconds=5.0),
        figures(freshness_seconds=None),
        with_ledger([LedgerSum(NOON - MINUTE, 99, 99, 0, 0, 0, 1)]),
        with_ledger([LedgerSum(NOON - 16 * MINUTE, 0, 0, 0, 0, 0, 50)]),
        with_ledger(seen=backlogs(messages=4, oldest_at=NOON - timedelta(seconds=30))),
    ],
)
def test_values_at_their_limit_and_old_ones_pass(fine: PipelineFigures) -> None:
    assert judge(fine).verdict == "ok"


def test_what_a_silent_collector_saw_last_is_unknown_and_not_well() -> None:
    states = {
        check.name: (check.state, check.value)
        for check in judge(with_ledger(seen=backlogs(noted_seconds_ago=16.0))).checks
    }

    assert states["fb-collector-backlog"] == ("unknown", None)
    assert states["ttk-collector-backlog"] == ("ok", 0)


def test_where_no_collector_ever_measures_none_is_expected_to() -> None:
    report = judge(with_ledger(seen=[]))

    assert report.verdict == "ok"
    assert report.complete_until is None


def test_reports_are_complete_until_the_oldest_that_waits_or_is_missed() -> None:
    waiting = with_ledger(seen=backlogs(messages=1, oldest_at=NOON - MINUTE))
    missed = replace(waiting, missed=1, first_missed_at=NOON - 5 * MINUTE)

    assert judge(waiting).complete_until == NOON - MINUTE
    assert judge(missed).complete_until == NOON - 5 * MINUTE


def test_a_disk_of_unknown_size_is_unknown() -> None:
    unknown = figures(store_limit_bytes=None, store_days_left=None)
    disk = [it for it in judge(unknown).checks if "disk" in it.name]

    assert [(it.state, it.value) for it in disk] == [("unknown", None)] * 2


async def test_a_database_that_does_not_answer_is_a_verdict() -> None:
    report, _ = await handle_pipeline([], pipeline=FakePipeline(None), now=NOON)

    assert report.verdict == "failing"
    assert failing(report) == {"database"}
    assert {(it.state, it.value) for it in report.checks[1:]} == {("unknown", None)}
    assert (report.as_of, report.complete_until) == (NOON, None)


async def test_there_are_no_parameters() -> None:
    with pytest.raises(Invalid, match="no such parameter"):
        await handle_pipeline([("from", "2024")], pipeline=FakePipeline(None), now=NOON)


async def test_simultaneous_callers_get_the_same_answer() -> None:
    asked = FakePipeline(figures())
    shared = SharedPipeline(asked)

    told = await asyncio.gather(*(shared.look() for _ in range(10)))

    assert asked.looks == 1
    assert {id(it) for it in told} == {id(asked.figures)}


async def test_a_waiting_caller_that_leaves_holds_nothing() -> None:
    shared = SharedPipeline(FakePipeline(figures()))
    leaving, staying = asyncio.create_task(shared.look()), asyncio.create_task(shared.look())
    await asyncio.sleep(0)
    leaving.cancel()

    assert (await staying).missed == 0


async def test_scripts_read_the_verdict() -> None:
    registry = new_registry()
    app = create_app(
        pipeline_endpoints(FakePipeline(figures(missed=3))),
        health=Health({}, lambda: True),
        registry=registry,
        metrics=HttpMetrics(registry, "reporter"),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reporter") as client:
        answer = await client.get("/pipeline", headers={"Accept": "application/json"})

    told = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert (told["verdict"], told["asOf"]) == ("failing", "2024-01-01T12:00:00Z")
    assert told["checks"][1] == {
        "name": "ledger",
        "state": "failing",
        "value": 3.0,
        "limit": 0.0,
        "runbook": "docs/operations.md#the-ledger-does-not-balance",
    }
