"""Show a view: a period's figures, compared with the period before."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Final

from pydantic import MISSING

from functions.parameters import Params, Period
from functions.reporter.demographics_report import DemographicsReport, handle_demographics
from functions.reporter.events_report import EventsReport, handle_events
from functions.reporter.handler import Reports
from functions.reporter.revenue_report import RevenueReport, handle_revenue
from functions.reporter.series import buckets_between
from functions.reporter.view import MOST_POINTS, View, read_view
from functions.zones import shown, zone_of

_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and its value in the period before.

    Attributes:
        now: None if there is none, such as the average of nothing.
        before: None also if nothing is compared.
    """

    now: Decimal | None
    before: Decimal | None

    @property
    def change_percent(self) -> Decimal | None:
        """The change in percent; None if there is none, as from zero."""
        if self.now is None or not self.before:
            return None
        return (100 * (self.now - self.before) / self.before).quantize(Decimal("0.1"))


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket of a chart.

    Attributes:
        bucket: Its first instant, in the view's zone.
        before: The value of the bucket at the same place in the period before.
        is_running: Whether it has not ended, so that its number is still incomplete.
    """

    bucket: datetime
    now: Decimal
    before: Decimal | None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """The contents of a view.

    Attributes:
        points: Oldest first, without gaps; empty if they would be too many to see.
        newest: The month of the newest events, if the period has none.
        currency: That of the chart of revenue, the one with the most sales; None if there is
            no revenue.
    """

    view: View
    events: EventsReport
    revenue: RevenueReport
    people: DemographicsReport | None
    figures: Mapping[str, Figure]
    points: Sequence[Point]
    newest: datetime | None
    currency: str | None


async def handle_overview(params: Params, *, reports: Reports, now: datetime) -> Overview:
    """Show a view, with the figures of the reports.

    Args:
        params: Decoded names and values of the page's query.
        reports: Provides the figures.
        now: UTC.

    Raises:
        Invalid: With every fault of the parameters.
        Unavailable: There is no answer now; the same view may be asked for again.
    """
    view = read_view(params, now)
    (events, revenue), before, people = await asyncio.gather(
        _ask(view, view.period, reports),
        _ask_before(view, reports),
        _ask_people(view, reports),
    )
    events_before, revenue_before = before
    currency = next((it.currency for it in revenue.currencies), None)
    return Overview(
        view=view,
        events=events,
        revenue=revenue,
        people=people,
        figures={
            "events": Figure(
                Decimal(events.total_events),
                None if events_before is None else Decimal(events_before.total_events),
            ),
            "revenue": _figure(revenue, revenue_before, "total_revenue"),
            "sales": _figure(revenue, revenue_before, "transaction_count"),
            "average": _figure(revenue, revenue_before, "average_transaction_value"),
        },
        points=_points(view, (events, revenue), before, currency),
        newest=None if events.total_events else await _newest(reports),
        currency=currency,
    )


async def _ask(view: View, period: Period, reports: Reports) -> tuple[EventsReport, RevenueReport]:
    return await asyncio.gather(
        handle_events(view.events_question(period), reports=reports),
        handle_revenue(view.revenue_question(period), reports=reports),
    )


async def _ask_before(
    view: View, reports: Reports
) -> tuple[EventsReport, RevenueReport] | tuple[None, None]:
    return (None, None) if view.before is None else await _ask(view, view.before, reports)


async def _ask_people(view: View, reports: Reports) -> DemographicsReport | None:
    if not view.has_people:
        return None
    return await handle_demographics(view.people_question(), reports=reports)


async def _newest(reports: Reports) -> datetime | None:
    everything = await handle_events([("interval", "month")], reports=reports)
    series = () if everything.series is MISSING else everything.series
    return series[-1].bucket if series else None


def _figure(now: RevenueReport, before: RevenueReport | None, field: str) -> Figure:
    if before is not None and field != "transaction_count" and not _is_alike(now, before):
        before = None  # an amount in another currency says nothing
    return Figure(_number(getattr(now, field)), _number(getattr(before, field, None)))


def _is_alike(now: RevenueReport, before: RevenueReport) -> bool:
    """Return whether both are in the same currency, as far as they have revenue."""
    return len({it.currency for it in (*now.currencies, *before.currencies)}) <= 1


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _points(
    view: View,
    now: tuple[EventsReport, RevenueReport],
    before: tuple[EventsReport, RevenueReport] | tuple[None, None],
    currency: str | None,
) -> Sequence[Point]:
    """Align the period with the one before, bucket by bucket."""
    if view.interval is None:
        return ()
    found = _series(view, now, currency)
    start = view.period.start or min(found, default=None)
    end = view.period.end
    if start is None or end is None:
        return ()
    buckets = _buckets(view, start, end)
    if len(buckets) > MOST_POINTS + 2:
        return ()
    earlier = [] if view.before is None else _before(view, before, currency)
    pairs = list(zip_longest(buckets, earlier[: len(buckets)]))
    zone = zone_of(view.zone)
    return [
        Point(
            shown(bucket, zone),
            found.get(bucket, _NOTHING),
            value,
            is_running=view.is_running and place == len(pairs) - 1,
        )
        for place, (bucket, value) in enumerate(pairs)
    ]


def _before(
    view: View,
    before: tuple[EventsReport, RevenueReport] | tuple[None, None],
    currency: str | None,
) -> list[Decimal]:
    found = _series(view, before, currency)
    if view.before is None or view.before.start is None or view.before.end is None:
        return []
    buckets = _buckets(view, view.before.start, view.before.end)
    return [found.get(bucket, _NOTHING) for bucket in buckets]


def _buckets(view: View, start: datetime, end: datetime) -> list[datetime]:
    if view.interval is None:
        return []
    return buckets_between(start, end, view.interval, zone_of(view.zone))


def _series(
    view: View,
    reports: tuple[EventsReport, RevenueReport] | tuple[None, None],
    currency: str | None,
) -> dict[datetime, Decimal]:
    """Read the chart's values, by the bucket's first instant."""
    events, revenue = reports
    if view.metric == "events":
        counts = () if events is None or events.series is MISSING else events.series
        return {it.bucket: Decimal(it.count) for it in counts}
    if revenue is None or revenue.series is MISSING:
        return {}
    only = next((it.currency for it in revenue.currencies), currency)
    return {
        it.bucket: Decimal(it.total_revenue)
        for it in revenue.series
        if currency in (None, only if it.currency is MISSING else it.currency)
    }
