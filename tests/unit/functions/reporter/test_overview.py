"""A person's view: periods, comparison and buckets."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from functions.errors import Invalid
from functions.events.rows import EventRow
from functions.parameters import Params
from functions.reporter.events_report import handle_events
from functions.reporter.overview import Overview, handle_overview
from functions.reporter.revenue_report import handle_revenue
from functions.reporter.view import RANGES, read_view
from tests.doubles.fakes_reports import FakeReports, a_row, a_sale

NOW = datetime(2026, 11, 27, 6, 40, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def look(*params: tuple[str, str], rows: list[EventRow] | None = None) -> Overview:
    return await handle_overview(params, reports=FakeReports(rows or []), now=NOW)


def at(**back: float) -> datetime:
    return NOW - timedelta(**back)


@pytest.mark.parametrize(
    ("name", "start", "before"),
    [
        ("1h", "2026-11-27T05:41", "2026-11-27T04:41"),
        ("24h", "2026-11-26T07:00", "2026-11-25T07:00"),
        ("today", "2026-11-27T00:00", "2026-11-26T00:00"),
        ("yesterday", "2026-11-26T00:00", "2026-11-25T00:00"),
        ("7d", "2026-11-20T07:00", "2026-11-13T07:00"),
        ("28d", "2026-10-31T00:00", "2026-10-03T00:00"),
        ("364d", "2025-11-29T00:00", "2024-11-30T00:00"),
    ],
)
def test_a_range_begins_with_a_bucket_and_is_compared_with_the_same_weekdays(
    name: str, start: str, before: str
) -> None:
    view = read_view([("range", name)], NOW)

    assert view.period.start == datetime.fromisoformat(f"{start}+00:00")
    assert view.before is not None
    assert view.before.start == datetime.fromisoformat(f"{before}+00:00")
    assert view.period.end is not None
    assert view.before.end is not None
    assert view.period.end - view.period.start == view.before.end - view.before.start


def test_days_of_a_zone_are_compared_by_its_clock() -> None:
    summer_ended = datetime(2026, 10, 25, 12, tzinfo=UTC)

    view = read_view([("range", "today"), ("timezone", "Europe/Kyiv")], summer_ended)

    assert view.period.start == datetime(2026, 10, 24, 21, tzinfo=UTC)
    assert view.before is not None
    assert view.before.start == datetime(2026, 10, 23, 21, tzinfo=UTC)
    assert view.before.end == datetime(2026, 10, 24, 11, tzinfo=UTC)


@pytest.mark.parametrize("name", [*RANGES, ""])
@pytest.mark.parametrize("zone", ["", "Europe/Kyiv", "Asia/Kathmandu", "America/St_Johns"])
async def test_every_range_has_a_chart_of_a_size_that_can_be_seen(name: str, zone: str) -> None:
    rows = [a_row(occurred_at=at(days=400)), a_row(occurred_at=at(minutes=1))]

    seen = await look(("range", name), ("timezone", zone), rows=rows)

    assert 1 <= len(seen.points) <= 402
    assert sum(point.now for point in seen.points) == seen.events.total_events


async def test_figures_are_those_of_the_reports_with_the_change_to_the_period_before() -> None:
    rows = [
        a_sale("100.00", occurred_at=at(hours=1)),
        a_sale("50.00", occurred_at=at(hours=2)),
        a_sale("120.00", occurred_at=at(days=8)),
    ]
    reports = FakeReports(rows)

    seen = await look(rows=rows)

    revenue = await handle_revenue(seen.view.revenue_question(seen.view.period), reports=reports)
    events = await handle_events(seen.view.events_question(seen.view.period), reports=reports)
    assert (seen.events, seen.revenue) == (events, revenue)
    assert seen.figures["revenue"].now == Decimal("150.00")
    assert seen.figures["revenue"].change_percent == Decimal("25.0")
    assert seen.figures["sales"].change_percent == Decimal("100.0")
    assert seen.figures["average"].change_percent == Decimal("-37.5")


async def test_from_nothing_to_something_is_no_percentage() -> None:
    seen = await look(rows=[a_sale("1.00", occurred_at=at(hours=1))])

    assert seen.figures["revenue"].before == 0
    assert seen.figures["revenue"].change_percent is None


async def test_the_period_before_lies_bucket_upon_bucket() -> None:
    rows = [a_row(occurred_at=at(hours=3)), a_row(occurred_at=at(days=7, hours=3))]

    seen = await look(rows=rows)

    [point] = [it for it in seen.points if it.now]
    assert point.bucket.hour == 3
    assert (point.now, point.before) == (Decimal(1), Decimal(1))


async def test_the_bucket_that_is_not_over_says_so_and_others_do_not() -> None:
    running = await look(("range", "7d"))
    over = await look(("range", "yesterday"))

    assert [it.is_running for it in running.points[-2:]] == [False, True]
    assert not any(it.is_running for it in over.points)


@pytest.mark.parametrize("name", [it for it in RANGES if it not in ("all", "custom")])
def test_an_earlier_period_ends_where_this_one_starts_and_leads_back(name: str) -> None:
    view = read_view([("range", name)], NOW)
    assert view.earlier
    assert view.earlier.start
    assert view.earlier.end

    bounds = (("from", view.earlier.start), ("to", view.earlier.end))
    back = read_view([(it, at.strftime("%Y-%m-%dT%H:%M:%SZ")) for it, at in bounds], NOW)

    assert view.earlier.end == view.period.start
    assert back.period == view.earlier
    assert back.later
    assert back.later.start == view.period.start


def test_there_is_no_period_before_all_time_and_none_after_now() -> None:
    everything, today = (read_view([("range", it)], NOW) for it in ("all", "today"))
    first = read_view([("from", "0001-01-01"), ("to", "2024-01-01")], NOW)

    assert (everything.earlier, everything.later, today.later) == (None, None, None)
    assert first.earlier is None


async def test_without_comparison_nothing_is_compared() -> None:
    seen = await look(("compare", "none"), rows=[a_row(occurred_at=at(hours=1))])

    assert seen.figures["events"].before is None
    assert all(it.before is None for it in seen.points)


async def test_buckets_too_many_to_see_become_longer_ones() -> None:
    seen = await look(("range", "364d"), ("interval", "minute"))

    assert seen.view.interval == "day"


async def test_one_event_with_a_wild_clock_leaves_out_the_chart_and_no_figure() -> None:
    rows = [a_row(occurred_at=datetime(1, 1, 1, tzinfo=UTC)), a_row(occurred_at=at(hours=1))]

    seen = await look(("range", "all"), rows=rows)

    assert seen.points == ()
    assert seen.figures["events"].now == 2


async def test_where_there_is_nothing_it_says_where_there_is_something() -> None:
    seen = await look(rows=[a_row(occurred_at=datetime(2024, 1, 15, tzinfo=UTC))])

    assert seen.newest == datetime(2024, 1, 1, tzinfo=UTC)


async def test_what_a_form_leaves_empty_is_no_filter() -> None:
    seen = await look(("source", ""), ("campaignId", ""), ("from", ""))

    assert seen.view.given == {}


async def test_bounds_are_a_range_of_their_own_unless_another_is_named() -> None:
    bounds = [("from", "2026-11-01"), ("to", "2026-11-02")]

    custom, named = read_view(bounds, NOW), read_view([*bounds, ("range", "24h")], NOW)

    assert (custom.range, custom.period.start) == ("custom", datetime(2026, 11, 1, tzinfo=UTC))
    assert custom.before is not None
    assert custom.before.start == datetime(2026, 10, 30, tzinfo=UTC)
    assert named.range == "24h"


@pytest.mark.parametrize(
    "params",
    [
        [("range", "2d")],
        [("from", "2027-01-01")],
        [("nothing", "1")],
        [("campaignId", "\0")],
        [("from", "0001-01-01"), ("to", "0001-01-01")],
    ],
)
async def test_faults_are_reported(params: Params) -> None:
    if params[0] == ("from", "0001-01-01"):
        assert (await look(*params)).view.before is None
        return
    with pytest.raises(Invalid):
        await look(*params)
