"""The reports page: figures, their course over time, events, campaigns, users."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, get_args

from pydantic import MISSING

from functions.events import FUNNEL_STAGES, SOURCES, UNSPECIFIED
from functions.parameters import Interval, Params, Period
from functions.reporter.demographics_report import DemographicsReport
from functions.reporter.overview import Figure, Overview, Point
from functions.reporter.view import RANGES, View
from functions.senders import CHANNELS, KINDS
from functions.zones import shown, zone_of
from runtime.http.html import Html, element, join
from runtime.http.pages.chart import Line, bar, draw
from runtime.http.pages.frame import (
    Visit,
    address,
    answer,
    blank,
    button,
    form,
    selection,
    shortcut,
    table,
)
from runtime.http.pages.words import Words
from runtime.http.pages.writing import moment, number, percent
from runtime.http.responses import Response

_FILTERS: Final = (
    ("source", "source"),
    ("funnelStage", "stage"),
    ("eventType", "type"),
    ("campaignId", "campaign"),
    ("channel", "channel"),
    ("currency", "currency"),
    ("timezone", "timezone"),
)
_TYPES: Final = tuple(dict.fromkeys(name for types in KINDS.values() for name in types))
_LONGEST_CAMPAIGN: Final = 60


def reports_page(visit: Visit, seen: Overview) -> Response:
    """Show a view."""
    words = visit.words
    return answer(
        visit,
        words("nav.reports"),
        _filters(words, seen.view),
        _said(words, seen.view),
        _nothing(words, seen),
        _figures(words, seen),
        _course(words, seen),
        _currencies(words, seen),
        element("div", _kinds(words, seen), _campaigns(words, seen), class_="two"),
        _people(words, seen),
    )


def _filters(words: Words, view: View) -> Html:
    given = view.given
    every = ("", words("all"))
    is_custom = view.range == "custom"
    return form(
        "/",
        selection(
            words("range"),
            "range",
            [(name, words(f"range.{name}")) for name in RANGES],
            view.range,
        ),
        *(
            blank(
                words(name),
                name,
                given.get(name, "") if is_custom else "",
                size="10",
                placeholder="2026-11-01",
            )
            for name in ("from", "to")
        ),
        selection(words("source"), "source", [every, *((it, it) for it in SOURCES)], view.source),
        selection(
            words("stage"),
            "funnelStage",
            [every, *((it, it) for it in FUNNEL_STAGES)],
            view.funnel_stage,
        ),
        selection(
            words("type"), "eventType", [every, *((it, it) for it in _TYPES)], view.event_type
        ),
        blank(words("campaign"), "campaignId", view.campaign_id or "", size="12"),
        selection(
            words("channel"), "channel", [every, *((it, it) for it in CHANNELS)], view.channel
        ),
        blank(words("currency"), "currency", view.currency or "", size="4", placeholder="EUR"),
        selection(
            words("compare"),
            "compare",
            [(it, words(f"compare.{it}")) for it in ("before", "none")],
            given.get("compare", "before"),
        ),
        selection(
            words("chart"), "metric", [(it, words(it)) for it in ("events", "revenue")], view.metric
        ),
        selection(
            words("interval"),
            "interval",
            [
                ("", words("interval.")),
                *((it, words(f"interval.{it}")) for it in get_args(Interval)),
            ],
            given.get("interval", ""),
        ),
        blank(
            words("timezone"), "timezone", given.get("timezone", ""), size="12", placeholder="UTC"
        ),
        *(
            [element("input", type="hidden", name="people", value="show")]
            if view.has_people
            else []
        ),
        button(words("show")),
        class_="filters",
        role="search",
        aria_label=words("filters"),
    )


def _said(words: Words, view: View) -> Html:
    """Describe what is shown, with links to widen it and to the same data for programs."""
    zone = zone_of(view.zone)

    def wall(at: datetime | None) -> str:
        return words("beginning") if at is None else moment(shown(at, zone))

    period = words(
        "period", start=wall(view.period.start), end=wall(view.period.end), zone=view.zone
    )
    chips = [
        element(
            "a",
            f"{view.given[name]} ",
            element("span", "✕", aria_hidden="true"),
            href=_without(view, name),
            class_="chip",
            aria_label=f"{words('remove', name=words(label))}: {view.given[name]}",
        )
        for name, label in _FILTERS
        if name in view.given
    ]
    steps = [
        element("a", words(text), href=_at(view, there), rel=rel, **shortcut(key))
        for text, there, rel, key in (
            ("earlier", view.earlier, "prev", "ArrowLeft"),
            ("later", view.later, "next", "ArrowRight"),
        )
        if there is not None
    ]
    said = [Html(f" {it}") for it in (*steps, *chips)]
    return element("p", element("span", period, class_="soft"), *said, class_="said")


def _nothing(words: Words, seen: Overview) -> Html:
    if seen.events.total_events:
        return Html("")
    if seen.newest is None:
        return element("p", words("empty"), class_="notice")
    month = seen.newest.astimezone(UTC).strftime("%Y-%m").rjust(7, "0")
    there = address("/", {"range": "custom", "from": f"{month}-01"})
    newest = element("a", words("empty.newest", month=month), href=there)
    return element("p", f"{words('empty')} ", newest, class_="notice")


def _figures(words: Words, seen: Overview) -> Html:
    view = seen.view
    notes = {
        "events": words("not-narrowed.events") if view.campaign_id else "",
        **dict.fromkeys(
            ("revenue", "sales", "average"),
            words("not-narrowed.revenue") if view.funnel_stage or view.event_type else "",
        ),
    }
    if len(seen.revenue.currencies) > 1:
        notes |= dict.fromkeys(("revenue", "average"), words("several-currencies"))
    shown_figures = [
        _figure(words, name, figure, notes[name]) for name, figure in seen.figures.items()
    ]
    return element("dl", *shown_figures, class_="figures")


def _figure(words: Words, name: str, figure: Figure, note: str) -> Html:
    return element(
        "div",
        element("dt", words(name), element("i", f" {note}") if note else Html("")),
        element("dd", number(figure.now), class_="figure"),
        element("dd", _change(words, figure), class_="change"),
    )


def _change(words: Words, figure: Figure) -> str:
    if figure.before is None:
        return ""
    change = figure.change_percent
    if change is None:
        return words("before", before=number(figure.before))
    sign = "▲" if change > 0 else "▼" if change < 0 else "="
    return f"{sign} {words('than', change=number(abs(change)), before=number(figure.before))}"


def _course(words: Words, seen: Overview) -> Html:
    view = seen.view
    heading = element("h2", words("over-time"), id="over-time")
    if not seen.points or view.interval is None:
        hint = element("p", words("too-long"), class_="soft")
        return join([heading, hint if seen.events.total_events else Html("")])
    lines = [Line(words("legend.now"), "now", [it.now for it in seen.points])]
    if view.before is not None:
        lines.append(Line(words("legend.before"), "before", [it.before for it in seen.points]))
    title = words(f"chart.{view.metric}", interval=words(f"interval.{view.interval}"))
    if view.metric == "revenue" and seen.currency not in (None, UNSPECIFIED):
        title = f"{title}, {seen.currency}"
    name = "events" if view.metric == "events" else "revenue"
    asked = view.events_question if name == "events" else view.revenue_question
    return element(
        "section",
        heading,
        _exports(words, name, asked(view.period)),
        draw(
            words,
            title,
            [_named(it, view.interval) for it in seen.points],
            lines,
            running=seen.points[-1].is_running and len(seen.points) > 1,
        ),
        aria_labelledby="over-time",
    )


def _named(point: Point, interval: Interval) -> str:
    return (
        moment(point.bucket)[:7]
        if interval == "month"
        else (moment(point.bucket) if interval in ("minute", "hour") else moment(point.bucket)[:10])
    )


def _kinds(words: Words, seen: Overview) -> Html:
    view, total = seen.view, seen.events.total_events
    rows = [
        (
            _narrow(
                view,
                it.event_type,
                {"source": it.source, "funnelStage": it.funnel_stage, "eventType": it.event_type},
            ),
            _narrow(view, it.source, {"source": it.source}),
            _narrow(view, it.funnel_stage, {"funnelStage": it.funnel_stage}),
            number(it.count),
            join([bar(it.count / total), Html(f"{percent(it.count, total)} %")]),
        )
        for it in seen.events.events
    ]
    heads = [
        ("", words("type")),
        ("", words("source")),
        ("", words("stage")),
        ("n", words("events")),
        ("n", words("share")),
    ]
    return element(
        "section",
        element("h2", words("kinds"), id="kinds"),
        _exports(words, "events", _without_series(view.events_question(view.period))),
        table(heads, rows, words("kinds")),
        aria_labelledby="kinds",
    )


def _currencies(words: Words, seen: Overview) -> Html:
    """List several currencies, which are never added up."""
    currencies = seen.revenue.currencies
    if len(currencies) < 2:  # noqa: PLR2004 - several
        return Html("")
    rows = [
        (
            _narrow(seen.view, it.currency, {"currency": it.currency}),
            number(it.total_revenue),
            number(it.transaction_count),
            number(it.average_transaction_value),
        )
        for it in currencies
    ]
    heads = [
        ("", words("currency")),
        ("n", words("revenue")),
        ("n", words("sales")),
        ("n", words("average")),
    ]
    return element(
        "section",
        element("h2", words("currencies"), id="currencies"),
        table(heads, rows, words("currencies")),
        aria_labelledby="currencies",
    )


def _campaigns(words: Words, seen: Overview) -> Html:
    view = seen.view
    totals = {it.currency: Decimal(it.total_revenue) for it in seen.revenue.currencies}
    several = len(totals) > 1
    only = next(iter(totals), UNSPECIFIED)
    asked = _without_series(view.revenue_question(view.period))
    rows = []
    for it in seen.revenue.top_campaigns:
        currency = only if it.currency is MISSING else it.currency
        total = totals.get(currency, Decimal(0))
        rows.append(
            (
                _narrow(view, it.campaign_id, {"campaignId": it.campaign_id}),
                *([_narrow(view, currency, {"currency": currency})] if several else []),
                number(it.total_revenue),
                number(it.transaction_count),
                join(
                    [
                        bar(_share(it.total_revenue, total)),
                        Html(f"{percent(Decimal(it.total_revenue), total)} %"),
                    ]
                ),
            )
        )
    heads = [
        ("", words("campaign")),
        *([("", words("currency"))] if several else []),
        ("n", words("revenue")),
        ("n", words("sales")),
        ("n", words("share")),
    ]
    shown_rows = (
        table(heads, rows, words("campaigns"))
        if rows
        else element("p", words("no-campaigns"), class_="soft")
    )
    return element(
        "section",
        element("h2", words("campaigns"), id="campaigns"),
        _exports(
            words,
            "revenue",
            asked,
            element("a", words("campaigns.csv"), href=address("/reports/campaigns.csv", asked)),
        ),
        shown_rows,
        aria_labelledby="campaigns",
    )


def _share(part: str, whole: Decimal) -> float:
    return float(Decimal(part) / whole) if whole else 0.0


def _people(words: Words, seen: Overview) -> Html:
    heading = element("h2", words("people"), id="people")
    if seen.people is None:
        there = address("/", {**seen.view.given, "people": "show"})
        return join(
            [heading, element("p", element("a", words("people.show"), href=f"{there}#people"))]
        )
    return element(
        "section",
        heading,
        element("p", words("people.note"), class_="soft"),
        _exports(words, "demographics", seen.view.people_question()),
        element("div", *_lists(words, seen.people), class_="lists"),
        aria_labelledby="people",
    )


def _lists(words: Words, people: DemographicsReport) -> Sequence[Html]:
    lists: list[Html] = []
    if people.facebook is not None:
        facebook = people.facebook
        lists += [
            _list(
                words, f"facebook: {words('age')}", [(it.range, it.users) for it in facebook.age]
            ),
            _list(
                words,
                f"facebook: {words('gender')}",
                [(it.gender, it.users) for it in facebook.gender],
            ),
            _list(
                words,
                f"facebook: {words('countries')}",
                [(it.country, it.users) for it in facebook.countries],
            ),
            _list(
                words,
                f"facebook: {words('cities')}",
                [(f"{it.city}, {it.country}", it.users) for it in facebook.cities],
            ),
        ]
    if people.tiktok is not None:
        lists.append(
            _list(
                words,
                f"tiktok: {words('followers')}",
                [(it.range, it.users) for it in people.tiktok.follower_ranges],
            )
        )
    return lists


def _list(words: Words, title: str, rows: Sequence[tuple[str, int]]) -> Html:
    total = max(1, sum(users for _, users in rows))
    written = [
        (_short(name), join([bar(users / total), Html(number(users))])) for name, users in rows
    ]
    heading = element("h3", title)
    return element("div", heading, table([("", title), ("n", words("users"))], written, title))


def _narrow(view: View, text: str, filters: Mapping[str, str]) -> Html:
    href = address("/", {**view.given, **filters})
    return element("a", _short(text), href=href)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_CAMPAIGN else f"{text[:_LONGEST_CAMPAIGN]}…"


def _at(view: View, period: Period) -> str:
    """Write the address of the same view of another period."""
    bounds = {
        name: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
        for name, at in (("from", period.start), ("to", period.end))
        if at is not None
    }
    return address("/", {**view.given, "range": "custom", **bounds})


def _without(view: View, name: str) -> str:
    return address("/", {key: value for key, value in view.given.items() if key != name})


def _without_series(params: Params) -> Params:
    return [(name, text) for name, text in params if name != "interval"]


def _exports(words: Words, name: str, params: Params, *others: Html) -> Html:
    return element(
        "p",
        element("a", words("as-json"), href=address(f"/reports/{name}", params)),
        " ",
        element("a", words("as-csv"), href=address(f"/reports/{name}.csv", params)),
        *(Html(f" {other}") for other in others),
        class_="exports",
    )
