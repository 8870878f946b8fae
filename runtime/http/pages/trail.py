"""The page of one event: when it came where, what it was, its dead letters."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from functions.events import SOURCES
from functions.operator.answers import EventTrail, TrailEvent
from runtime.http.html import Html, element, join
from runtime.http.pages.frame import Visit, answer, blank, button, form, selection
from runtime.http.pages.letters import definitions, heads_table
from runtime.http.pages.words import Words
from runtime.http.pages.writing import moment, seconds_of
from runtime.http.responses import Response

PATH: Final = "/trail"


def trail_page(visit: Visit, trail: EventTrail | None, *, asked: bool) -> Response:
    """Show the form and, where one was asked for, what became of an event."""
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
        return answer(visit, words("trail"), search)
    if trail is None:
        nothing = element("p", words("trail.none"), class_="notice", role="status")
        return answer(visit, words("trail"), search, nothing, status=404)
    return answer(visit, words("trail"), search, _found(words, trail))


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
    facts = [("correlation", event.correlation_id)]
    deliveries = (
        element("p", words("trail.deliveries", count=event.deliveries), class_="soft")
        if event.deliveries
        else Html("")
    )
    return join(
        [
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
