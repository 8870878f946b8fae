import json
import pickle
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from functions.events.judging import InvalidEvent, judge
from functions.publisher.account import ERROR, Account
from functions.publisher.handler import Body, PublishingPlan, handle
from functions.publisher.latencies import Latencies
from functions.publisher.recent import Recent
from functions.publisher.tally import Counted, Kind, Ledger, Manifest, Tally

PURCHASE = Kind("tiktok", "bottom", "purchase")


def valid_events(contents: Sequence[bytes]) -> list[Any]:
    events = []
    for content in contents:
        for event in json.loads(content):
            try:
                events.append(judge(json.dumps(event).encode()))
            except InvalidEvent:
                continue
    return events


def recount(contents: Sequence[bytes]) -> dict[str, Any]:
    """Count from the bytes alone, remembering every id."""
    distinct = {(e.source, e.event_id): e for e in valid_events(contents)}
    kinds = Counter((e.source, e.funnel_stage, e.event_type) for e in distinct.values())
    revenue = {"facebook": Decimal("0.00"), "tiktok": Decimal("0.00")}
    for (source, _), event in distinct.items():
        if event.event_type in ("checkout.complete", "purchase"):
            revenue[source] += Decimal(event.data.engagement.purchase_amount)
    return {"total": len(distinct), "kinds": kinds, "revenue": revenue}


def told(section: Any) -> dict[str, Any]:
    kinds = {(e["source"], e["funnelStage"], e["eventType"]): e["count"] for e in section["events"]}
    revenue = {source: Decimal(amount) for source, amount in section["revenue"].items()}
    return {"total": section["totalEvents"], "kinds": kinds, "revenue": revenue}


def some_bodies(count: int) -> list[Body]:
    plan = PublishingPlan(
        min_events=0, max_events=300, corrupt_probability=0.5, duplicate_probability=0.3
    )
    recent = Recent()
    return [handle(n, seed=3, started_ms=0, plan=plan, recent=recent) for n in range(count)]


def a_manifest(**fields: Any) -> Manifest:
    nothing: dict[str, Any] = {
        "events": 0,
        "invalid": 0,
        "duplicates": 0,
        "own": Tally(),
        "shared": {},
    }
    return Manifest(**(nothing | {"oldest_shared": 0} | fields))


@pytest.mark.slow
def test_what_is_acknowledged_is_exact_whatever_fails_and_however_answers_overtake() -> None:
    chance, account = Random(5), Account()
    in_flight: list[Body] = []
    answered: list[tuple[bytes, str]] = []

    def answer_one() -> None:
        body = in_flight.pop(chance.randrange(len(in_flight)))
        status = chance.choice(["202", "422", "503", ERROR])
        account.answered(body.manifest, status, sent_at=0, at=1)
        answered.append((body.content, status))

    bodies = some_bodies(300)
    for body in bodies:
        account.sent(body.manifest, at=0)
        in_flight.append(body)
        while in_flight and chance.random() < 0.5:
            answer_one()
    while in_flight:
        answer_one()

    summary = account.summary(seed=3)
    assert told(summary["distinct"]) == recount([body.content for body in bodies])
    assert told(summary["acknowledged"]) == recount([c for c, status in answered if status < "3"])
    assert summary["acknowledged"]["invalid"] == sum(
        len(json.loads(content)) - len(valid_events([content]))
        for content, status in answered
        if status in ("202", "422")
    )


def test_totals_agree_with_a_recount_of_the_bytes() -> None:
    bodies, account = some_bodies(100), Account()
    for body in bodies:
        account.sent(body.manifest, at=0)
        account.answered(body.manifest, "202", sent_at=0, at=2)

    summary = account.summary(seed=None)

    contents = [body.content for body in bodies]
    valid, sent = len(valid_events(contents)), sum(len(json.loads(c)) for c in contents)
    assert summary["requests"] == summary["byStatus"]["202"] == 100
    assert summary["eventsSent"] == sent
    assert summary["valid"] == valid
    assert summary["invalid"] == sent - valid > 0
    assert summary["duplicates"] == valid - summary["distinct"]["totalEvents"] > 0
    assert summary["eventsPerSecond"] == sent / 2


def test_a_repeat_counts_when_only_its_original_failed() -> None:
    account, shared = Account(), {0: Counted(PURCHASE, 1999)}
    original, repeat = a_manifest(events=1, shared=shared), a_manifest(events=1, shared=shared)
    account.sent(original, at=0)
    account.sent(repeat, at=0)

    account.answered(original, "503", sent_at=0, at=1)
    account.answered(repeat, "202", sent_at=0, at=1)

    acknowledged = account.summary(seed=None)["acknowledged"]
    assert acknowledged["totalEvents"] == 1
    assert acknowledged["revenue"] == {"facebook": "0.00", "tiktok": "19.99"}


def test_a_section_is_ordered_as_the_report_is() -> None:
    tally = Tally()
    kinds = [PURCHASE, PURCHASE, Kind("tiktok", "top", "like"), Kind("facebook", "top", "comment")]
    tally.add_all([Counted(kind, 0) for kind in kinds])

    assert [row["eventType"] for row in tally.section()["events"]] == [
        "purchase",
        "comment",
        "like",
    ]


@pytest.mark.slow
def test_a_ledger_forgets_what_can_never_come_again_and_stays_exact() -> None:
    ledger, window, sizes = Ledger(), 3000, []
    for start in range(0, 200_000, 1000):
        shared = {number: Counted(PURCHASE, 1) for number in range(start, start + window)}
        ledger.enter(a_manifest(shared=shared), oldest_shared=start)
        sizes.append(len(pickle.dumps(ledger)))

    assert ledger.tally.counts == {PURCHASE: 199_000 + window}
    assert max(sizes) < 2 * max(sizes[:20])


def test_an_account_of_nothing_is_all_zeros() -> None:
    summary = Account().summary(seed=None)

    assert summary["requests"] == summary["eventsSent"] == summary["eventsPerSecond"] == 0
    assert summary["latencyMilliseconds"] == {"p50": None, "p95": None, "p99": None, "max": None}


def test_percentiles_are_within_a_percent() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 1001):
        latencies.add(milliseconds / 1000)

    summary = latencies.summary()

    assert summary["p50"] == pytest.approx(500, rel=0.01)
    assert summary["p95"] == pytest.approx(950, rel=0.01)
    assert summary["p99"] == pytest.approx(990, rel=0.01)
    assert summary["max"] == pytest.approx(1000)


def test_requests_without_an_answer_have_no_latency() -> None:
    account = Account()
    account.sent(a_manifest(), at=0)
    account.answered(a_manifest(), ERROR, sent_at=0, at=120)

    assert account.summary(seed=None)["latencyMilliseconds"]["max"] is None


def test_progress_fits_a_line() -> None:
    account = Account()
    assert account.progress(at=5) == "0 requests, 0 events, 0 events/s, no answer yet"

    account.sent(a_manifest(events=100), at=5)
    account.answered(a_manifest(events=100), "202", sent_at=5, at=6)

    assert account.progress(at=7) == "1 requests, 100 events, 50 events/s, 202: 1"


def test_only_answered_events_count_and_the_commonest_error_is_reported() -> None:
    account = Account()
    for number, status in enumerate([ERROR, ERROR, "503", ERROR]):
        account.sent(a_manifest(events=100), at=0)
        account.answered(a_manifest(events=100), status, sent_at=0, at=2)
        if status == ERROR:
            account.failed("connection refused" if number else "no answer within 120 s")

    summary = account.summary(seed=None)

    assert summary["eventsPerSecond"] == 50
    assert summary["commonestError"] == "connection refused"
