"""The dead letter pages: groups and list, a single letter, and the actions on them."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Final, get_args

from functions.events import SOURCES
from functions.messages import Reason
from functions.operator.answers import (
    DeadLetter,
    DeadLetterHead,
    DeadLetterPage,
    DeadLetterSummary,
    Discarded,
    Reopened,
    Replayed,
)
from functions.operator.groups import group
from functions.operator.marking import Mark, mark_fault
from functions.operator.ports import State
from functions.operator.questions import ANY_STATE
from functions.parameters import Params
from runtime.http.html import Html, element, join
from runtime.http.pages.chart import bars
from runtime.http.pages.frame import (
    Visit,
    address,
    answer,
    blank,
    button,
    form,
    now,
    selection,
    table,
)
from runtime.http.pages.words import Words
from runtime.http.pages.writing import moment, number, shortened
from runtime.http.responses import Response

PATH: Final = "/dead-letters"

PROGRESS: Final = ("total", "replayed", "failed", "run")
"""The parameters in the address of a replay besides the API's."""

_MOST_DIGITS: Final = 15

FILTERS: Final = ("from", "to", "id", "reason", "source", "field")
"""Parameters that select letters; the others say how they are shown."""

_MOST_SHOWN: Final = 8_000
"""Characters of a payload: escaped, they keep the page within 60 KB."""
_BEFORE_FAULT: Final = 2_000
_SHOW_ALL: Final = ("payload", "all")


def letters_page(visit: Visit, page: DeadLetterPage, summary: DeadLetterSummary) -> Response:
    """Show the groups, then the letters."""
    words, params = visit.words, dict(visit.params)
    if not summary.total_letters:
        shown = element("p", words("letters.none"), class_="notice")
        return answer(visit, words("letters"), _filters(words, params), shown)
    return answer(
        visit,
        words("letters"),
        _filters(words, params),
        element("p", words("letters.count", count=number(summary.total_letters))),
        _actions(words, params),
        element("h2", words("groups")),
        _groups(words, params, summary),
        element("h2", words("list")),
        _exports(words, visit.params),
        heads_table(words, page.letters),
        _next(words, params, page.next_cursor),
    )


def letter_page(visit: Visit, letter: DeadLetter) -> Response:
    """Show one letter with its bytes."""
    words = visit.words
    facts = [
        ("id", str(letter.id)),
        ("state", words.named("lstate", letter.state)),
        ("reason", words.named("reason", letter.reason)),
        ("field", letter.field or words("field.whole")),
        ("code", letter.code),
        ("message", letter.message),
        ("source", letter.source or ""),
        ("accepted-at", f"{moment(letter.accepted_at.astimezone(UTC), seconds=True)} UTC"),
        ("correlation", letter.correlation_id or ""),
        ("bytes", number(letter.payload_bytes)),
    ]
    done = [
        (
            f"{moment(it.at.astimezone(UTC), seconds=True)} UTC",
            words.named("action", it.action),
            " ".join(filter(None, [it.field, it.message])),
            it.correlation_id,
        )
        for it in letter.history
    ]
    heads = [
        ("", words("moment")),
        ("", words("state")),
        ("", words("message")),
        ("", words("correlation")),
    ]
    return answer(
        visit,
        words("letter"),
        definitions(words, facts),
        _trail_link(words, letter),
        _actions(words, {"id": str(letter.id), "state": letter.state}),
        element("h2", words("payload")),
        element("p", words("truncated"), class_="soft") if letter.payload_truncated else Html(""),
        *_payload(visit, letter),
        element("h2", words("history")),
        table(heads, done, words("history"))
        if done
        else element("p", words("history.none"), class_="soft"),
        _back(words),
    )


def _payload(visit: Visit, letter: DeadLetter) -> Sequence[Html]:
    """Show the payload with its fault marked; of a long one, the part around the fault."""
    words = visit.words
    text, mark = _marked(letter)
    start, end = 0, len(text)
    if _SHOW_ALL not in visit.params and end > _MOST_SHOWN:
        start = max(0, mark.start - _BEFORE_FAULT) if mark else 0
        end = start + _MOST_SHOWN
    parts: list[str] = [text[start:end]]
    said = []
    if mark:
        last = min(mark.end, end)
        marked = element("mark", text[mark.start : last], id="fault")
        parts = [text[start : mark.start], marked, text[last:end]]
        kind = "fault.missing" if mark.is_missing else "fault.here"
        there = element("a", words(kind, field=shortened(letter.field)), href="#fault")
        said.append(element("p", there, f": {shortened(letter.message)}", class_="notice"))
    if (start, end) != (0, len(text)):
        parts = ["… " if start else "", *parts, " …" if end < len(text) else ""]
        whole = address(f"{PATH}/{letter.id}", [_SHOW_ALL])
        counts = words("payload.part", shown=number(_MOST_SHOWN), all=number(len(text)))
        link = element("a", words("payload.all"), href=whole)
        said.append(element("p", f"{counts} ", link, class_="soft"))
    return [*said, element("pre", element("code", *parts))]


def _marked(letter: DeadLetter) -> tuple[str, Mark | None]:
    """Write a letter's bytes as text; bytes that are not text are escaped, the first one marked."""
    if letter.payload_encoding == "utf-8":
        return letter.payload, mark_fault(letter.payload, letter.field, letter.code)
    payload = b64decode(letter.payload)
    text = payload.decode("utf-8", "backslashreplace")
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        start = len(payload[: error.start].decode())
        return text, Mark(start, start + len(r"\xff") * (error.end - error.start))
    return text, None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay of several pages is; its address carries it from page to page.

    Attributes:
        total: Letters that were open when it started; 0 if that is not known yet.
        replayed: Letters replayed so far, or found to be valid by a dry run.
        failed: Letters that stay open so far.
        runs_on: Whether the pages follow each other without being asked for, where scripts run.
    """

    total: int
    replayed: int = 0
    failed: int = 0
    runs_on: bool = False

    @classmethod
    def read(cls, params: Params) -> "Progress":
        """Read it from an address; a value that is not a number is 0."""
        given = dict(params)
        total, replayed, failed = (_count(given.get(name, "")) for name in PROGRESS[:3])
        return cls(total, replayed, failed, given.get("run") == "all")

    def after(self, done: Replayed) -> "Progress":
        """Add a page."""
        return replace(
            self, replayed=self.replayed + done.replayed, failed=self.failed + done.failed
        )

    def write(self) -> dict[str, str]:
        """Write it into an address."""
        counts = (self.total, self.replayed, self.failed)
        told = dict(zip(PROGRESS, map(str, counts), strict=False))
        return {**told, "run": "all"} if self.runs_on else told


def replay_page(visit: Visit, done: Replayed, progress: Progress) -> Response:
    """Show the result of replaying one page of letters, or of trying to, and link to the next.

    Args:
        visit: The request.
        done: The result.
        progress: The whole replay, this page included.
    """
    words = visit.words
    counts = {"all": done.replayed + done.failed, "replayed": done.replayed, "failed": done.failed}
    said = words("replay.would" if done.dry_run else "replay.did", **counts)
    section = element(
        "section",
        element("p", said, class_="notice", role="status"),
        _progress(words, done, progress),
        element("div", *_steps(visit, done, progress), class_="act"),
        id="replay",
        data_stop=words("stop"),
        data_broken=words("replay.broken"),
    )
    return answer(_listed(visit), words("replay"), section, _back(words))


def _progress(words: Words, done: Replayed, progress: Progress) -> Html:
    seen = progress.replayed + progress.failed
    text = words(
        "replay.tried" if done.dry_run else "replay.progress",
        seen=number(seen),
        total=number(progress.total),
        replayed=number(progress.replayed),
        failed=number(progress.failed),
    )
    most = max(1, progress.total)
    bar = element("progress", value=str(min(seen, most)), max=str(most), aria_label=text)
    return element("p", bar, f" {text}", class_="soft")


def _steps(visit: Visit, done: Replayed, progress: Progress) -> Sequence[Html]:
    words, chosen, here = visit.words, _chosen(visit.params), dict(visit.params)
    steps = []
    if done.dry_run and done.replayed:
        alone = {**chosen, **({"cursor": here["cursor"]} if "cursor" in here else {})}
        steps.append(_act("replay", {**alone, "dryRun": "false"}, words("replay.now")))
        if progress.total > done.replayed + done.failed:
            run = Progress(progress.total, runs_on=True).write()
            text = words("replay.all", count=number(progress.total))
            steps.append(_act("replay", {**chosen, "dryRun": "false", **run}, text))
    if done.next_cursor is None:
        return [*steps, element("p", words("replay.end"), class_="soft")]
    following = {
        **chosen,
        "cursor": done.next_cursor,
        "dryRun": "true" if done.dry_run else "false",
        **progress.write(),
    }
    text = words("replay.next" if done.dry_run else "replay.next-now")
    runs_on = progress.runs_on and not done.dry_run
    attributes = {"data_auto": ""} if runs_on else {}
    there = address(f"{PATH}/replay", following)
    return [*steps, form(there, button(text), method="post", **attributes)]


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def discard_page(visit: Visit, done: Discarded, *, wrong: bool = False) -> Response:
    """Show how many were discarded, or would be, and ask to confirm the number."""
    words = visit.words
    count = number(done.discarded)
    if not done.dry_run:
        said = element("p", words("discard.did", count=count), class_="notice", role="status")
        return answer(_listed(visit), words("discard"), said, _back(words))
    return answer(
        _listed(visit),
        words("discard"),
        element("p", words("discard.would", count=count), class_="notice"),
        element("p", words("discard.wrong", count=count), class_="notice failing", role="alert")
        if wrong
        else Html(""),
        form(
            address(f"{PATH}/discard", {**_chosen(visit.params), "dryRun": "false"}),
            blank(
                words("discard.confirm"),
                "confirm",
                "",
                inputmode="numeric",
                required="",
                autocomplete="off",
            ),
            button(words("discard"), class_="danger"),
            method="post",
            class_="act",
        )
        if done.discarded
        else Html(""),
        _back(words),
    )


def reopen_page(visit: Visit, done: Reopened) -> Response:
    """Show how many were reopened, or would be."""
    words = visit.words
    said = words("reopen.would" if done.dry_run else "reopen.did", count=number(done.reopened))
    act = _act("reopen", {**_chosen(visit.params), "dryRun": "false"}, words("reopen.now"))
    return answer(
        _listed(visit),
        words("reopen"),
        element("p", said, class_="notice", role="status"),
        act if done.dry_run and done.reopened else Html(""),
        _back(words),
    )


def heads_table(words: Words, letters: Sequence[DeadLetterHead]) -> Html:
    """List letters, each with a link to its page."""
    rows = [
        (
            element(
                "a", moment(it.accepted_at.astimezone(UTC), seconds=True), href=f"{PATH}/{it.id}"
            ),
            words.named("lstate", it.state),
            words.named("reason", it.reason),
            it.source or "",
            shortened(it.field) or words("field.whole"),
            shortened(it.message),
        )
        for it in letters
    ]
    heads = [
        (("", words(it))) for it in ("accepted-at", "state", "reason", "source", "field", "message")
    ]
    return table(heads, rows, words("letters"))


def definitions(words: Words, facts: Sequence[tuple[str, str]]) -> Html:
    """List facts by name; empty ones are left out."""
    parts = [
        part
        for name, text in facts
        if text
        for part in (element("dt", words(name)), element("dd", text))
    ]
    return element("dl", *parts, class_="facts")


def _filters(words: Words, params: Mapping[str, str]) -> Html:
    every = ("", words("all"))
    return form(
        PATH,
        selection(
            words("state"),
            "state",
            [(it, words.named("lstate", it)) for it in (*get_args(State), ANY_STATE)],
            params.get("state", "open"),
        ),
        selection(
            words("reason"),
            "reason",
            [every, *((it, words.named("reason", it)) for it in get_args(Reason))],
            params.get("reason"),
        ),
        selection(
            words("source"), "source", [every, *((it, it) for it in SOURCES)], params.get("source")
        ),
        blank(words("field"), "field", params.get("field", ""), size="16"),
        *(
            blank(words(it), it, params.get(it, ""), size="12", placeholder="2026-11-01")
            for it in ("from", "to")
        ),
        button(words("show")),
        class_="filters",
        role="search",
        aria_label=words("filters"),
    )


def _actions(words: Words, params: Mapping[str, str]) -> Html:
    """Offer the actions on what is shown; each is tried as a dry run first."""
    chosen = {**_chosen(list(params.items())), "dryRun": "true"}
    state = params.get("state", "open")
    acts = []
    if state in ("open", ANY_STATE):
        frozen = {**chosen, "to": chosen.get("to", now().strftime("%Y-%m-%dT%H:%M:%SZ"))}
        acts.append(_act("replay", frozen, words("try-replay"), title=words("try-replay.note")))
    if len(chosen) > 1 and state in ("open", ANY_STATE):
        acts.append(_act("discard", chosen, words("discard.try")))
    if len(chosen) > 1 and state in ("discarded", ANY_STATE):
        acts.append(_act("reopen", chosen, words("reopen.try")))
    return element("div", *acts, class_="act")


def _act(action: str, params: Mapping[str, str], text: str, **attributes: str) -> Html:
    return form(address(f"{PATH}/{action}", params), button(text, **attributes), method="post")


def _groups(words: Words, params: Mapping[str, str], summary: DeadLetterSummary) -> Html:
    kept = {
        name: text for name, text in params.items() if name in ("state", "from", "to", "source")
    }
    rows = [
        (
            element(
                "a",
                shortened(it.field) or words("field.whole"),
                href=address(
                    PATH, {**kept, "reason": it.reason, **({"field": it.field} if it.field else {})}
                ),
            ),
            words.named("reason", it.reason),
            number(it.letters),
            join([bars(it.days), Html(f" {number(sum(it.days))}")]),
        )
        for it in group(summary.counts, now().date())
    ]
    heads = [
        ("", words("field")),
        ("", words("reason")),
        ("n", words("letters")),
        ("n", words("days")),
    ]
    return table(heads, rows, words("groups"))


def _exports(words: Words, params: Params) -> Html:
    return element(
        "p",
        element("a", words("as-csv"), href=address(f"{PATH}.csv", params)),
        class_="exports",
    )


def _next(words: Words, params: Mapping[str, str], cursor: str | None) -> Html:
    if cursor is None:
        return Html("")
    there = address(PATH, {**params, "cursor": cursor})
    return element("p", element("a", words("next"), href=there, rel="next"))


def _trail_link(words: Words, letter: DeadLetter) -> Html:
    if letter.event_id is None or letter.source is None:
        return Html("")
    there = address("/trail", {"source": letter.source, "id": letter.event_id})
    return element(
        "p",
        element("a", words("trail.event", id=letter.event_id, source=letter.source), href=there),
    )


def _back(words: Words) -> Html:
    return element("p", element("a", words("back"), href=PATH))


def _listed(visit: Visit) -> Visit:
    """Point the page's language links to the list, so that switching never repeats an action."""
    return replace(visit, params=list(_chosen(visit.params).items()))


def _chosen(params: Params) -> dict[str, str]:
    return {name: text for name, text in params if name in FILTERS}
