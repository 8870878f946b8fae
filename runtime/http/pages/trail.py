"""The page of one event: its way through the system, its content, its dead letters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from functions.events import SOURCES
from functions.operator.answers import EventTrail, TrailEvent
from functions.operator.ports import NewEvent
from runtime.http.html import Html, element, join
from runtime.http.pages.frame import Visit, address, answer, blank, button, form, selection, table
from runtime.http.pages.letters import definitions, heads_table
from runtime.http.pages.words import Words
from runtime.http.pages.writing import moment, seconds_of, shortened
from runtime.http.responses import Response

PATH: Final = "/trail"


def trail_page(
    visit: Visit, trail: EventTrail | None, *, asked: bool, newest: Sequence[NewEvent] = ()
) -> Response:
    """Show the form, and the trail of the requested event or the newest events."""
    words, params = visit.words, dict(visit.params)
    search = form(
        PATH,
        selection(words("source"), "source", [(it, it) for it in SOURCES], params.get("source")),
        blank(words("id"), "id", params.get("id", ""), size="40", required="", autocomplete="off"),
        button(words("find")),
        class_="filters",
        role="search",
        aria_label=words("trail"),
    )
    if not asked:
        return answer(visit, words("trail"), search, *_newest(words, newest))
    if trail is None:
        nothing = element("p", words("trail.none"), class_="notice", role="status")
        return answer(visit, words("trail"), search, nothing, status=404)
    return answer(visit, words("trail"), search, _found(words, trail))


def _newest(words: Words, newest: Sequence[NewEvent]) -> Sequence[Html]:
    heading = element("h2", words("newest"))
    if not newest:
        return [heading, element("p", words("newest.none"), class_="soft")]
    rows = [
        (
            element(
                "a",
                shortened(it.event_id),
                href=address(PATH, {"source": it.source, "id": it.event_id}),
            ),
            it.source,
            it.event_type,
            *(
                moment(at.astimezone(UTC), seconds=True)
                for at in (it.occurred_at, it.accepted_at, it.stored_at)
            ),
        )
        for it in newest
    ]
    heads = [
        ("", words(it))
        for it in ("id", "source", "type", "occurred-at", "accepted-at", "stored-at")
    ]
    note = element("p", words("newest.note"), class_="soft")
    return [heading, note, table(heads, rows, words("newest"))]


def _found(words: Words, trail: EventTrail) -> Html:
    heading = element("h2", words("trail.event", id=trail.event_id, source=trail.source))
    path = f"/events/{trail.source}?id={quote(trail.event_id, safe='')}"
    exports = element("p", element("a", words("as-json"), href=path), class_="exports")
    event = (
        element("p", words("trail.not-stored"), class_="notice")
        if trail.event is None
        else _event(words, trail.event)
    )
    letters = (
        join([element("h3", words("trail.letters")), heads_table(words, trail.dead_letters)])
        if trail.dead_letters
        else Html("")
    )
    return join([heading, exports, event, letters])


def _event(words: Words, event: TrailEvent) -> Html:
    steps: list[tuple[str, datetime]] = [("accepted", event.accepted_at)]
    if event.published_at is not None:
        steps.append(("published", event.published_at))
    steps.append(("stored", event.stored_at))
    written, before = [], event.accepted_at
    for name, at in steps:
        gap = (at - before).total_seconds()
        after = f" +{words('unit.s', value=seconds_of(gap))}" if at != before else ""
        when = element("time", moment(at.astimezone(UTC), seconds=True), datetime=at.isoformat())
        written.append(element("li", when, f" UTC {words(f'trail.{name}')}", element("b", after)))
        before = at
    facts = [("correlation", event.correlation_id), ("channel", event.channel)]
    retracted = Html("")
    if event.retracted_at is not None:
        taken_back = moment(event.retracted_at.astimezone(UTC), seconds=True)
        notice = words("trail.retracted", moment=taken_back)
        retracted = element("p", notice, class_="notice")
    deliveries = (
        element("p", words("trail.deliveries", count=event.deliveries), class_="soft")
        if event.deliveries
        else Html("")
    )
    return join(
        [
            retracted,
            element("ol", *written, class_="timeline"),
            deliveries,
            definitions(words, facts),
            element(
                "details",
                element("summary", words("payload")),
                element("pre", element("code", event.payload)),
            ),
        ]
    )
