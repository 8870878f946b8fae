"""The pipeline page: the verdict, failing checks first, then flow and backlog."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from functions.reporter.figures import LedgerSum
from functions.reporter.ledger_report import Balance, Waiting
from functions.reporter.pipeline import Check, PipelineFigures, PipelineReport
from runtime.http.html import Html, element, join
from runtime.http.pages.chart import Line, draw
from runtime.http.pages.frame import Visit, answer, table
from runtime.http.pages.words import Words
from runtime.http.pages.writing import NOTHING, moment, number, seconds_of
from runtime.http.responses import Response

_MINUTES: Final = 60
_ORDER: Final = {"failing": 0, "unknown": 1, "ok": 2}
_SIGNS: Final = {"failing": "✗", "unknown": "?", "ok": "✓"}
_UNITS: Final = {
    "ledger": "",
    "gateway-readiness": "",
    "gateway-refusals": "",
    "gateway-durability": "",
    "accepted-events-dead": "",
    "dead-letters-summarized": "",
    "rejected-ratio": "%",
    "database-disk": "%",
    "database-disk-days": "d",
}
_FLOORS: Final = frozenset({"database-disk-days"})
"""Checks that fail below their limit."""
_COMMANDS: Final = {
    "a-function-is-down": "eps health",
    "the-gateway-answers-503": "eps broker status",
    "a-202-does-not-mean-disk": "eps broker status",
    "the-ledger-does-not-balance": "eps ledger",
    "events-come-late": "eps broker status",
    "the-backlog-grows": "eps broker status",
    "dead-letters-appear": "eps dead-letters list",
    "dead-letters-have-no-room": "eps broker status",
    "clocks-differ": "eps health",
    "a-disk-fills": "df -h",
}


def pipeline_page(
    visit: Visit, report: PipelineReport, figures: PipelineFigures | None
) -> Response:
    """Show the pipeline."""
    words = visit.words
    failing = [check for check in report.checks if check.state == "failing"]
    verdict = words(f"verdict.{report.verdict}", count=len(failing), all=len(report.checks))
    sign = "✓" if report.verdict == "ok" else "✗"
    content = element(
        "div",
        element("p", f"{sign} {verdict}", class_=f"verdict {report.verdict}", role="status"),
        element(
            "p",
            words("as-of", moment=moment(report.as_of.astimezone(UTC), seconds=True)),
            class_="soft",
        ),
        element("h2", words("checks")),
        element("ul", *(_check(words, it) for it in _sorted(report.checks)), class_="checks"),
        _flow(words, figures),
        element("h2", words("ledger")),
        *_accounts(words, report.last_hour),
        _waiting(words, report.waiting),
        id="live",
        data_renew="/pipeline",
    )
    renew = element("p", element("a", words("renew"), href="/pipeline"), class_="renew", id="renew")
    return answer(visit, words("pipeline"), renew, content)


def title_of(words: Words, name: str) -> str:
    """Return the title of a check."""
    for kind in ("silence", "backlog"):
        if name.endswith(f"-{kind}"):
            return words(f"check.{kind}", name=name.removesuffix(f"-{kind}"))
    return words.named("check", name)


def _sorted(checks: Sequence[Check]) -> Sequence[Check]:
    return sorted(checks, key=lambda it: _ORDER[it.state])


def _check(words: Words, check: Check) -> Html:
    value = words(
        "value.floor" if check.name in _FLOORS else "value",
        value=_valued(words, check, check.value),
        limit=_valued(words, check, check.limit),
    )
    section = check.runbook.partition("#")[2]
    todo = element(
        "span",
        f"{words('do')}: ",
        element("code", _COMMANDS.get(section, "eps health")),
        ", ",
        element("code", check.runbook),
        class_="todo",
    )
    return element(
        "li",
        element(
            "b",
            element("span", _SIGNS[check.state], aria_hidden="true"),
            f" {words(f'state.{check.state}')}",
        ),
        element("span", title_of(words, check.name)),
        element("span", value, class_="soft"),
        todo if check.state == "failing" else Html(""),
        class_=check.state,
    )


def _valued(words: Words, check: Check, value: float | None) -> str:
    if value is None:
        return words("state.unknown")
    unit = _UNITS.get(check.name, "s")
    if unit == "%":
        return words("unit.%", value=number(f"{100 * value:.2f}".rstrip("0").rstrip(".")))
    return words(f"unit.{unit}", value=seconds_of(value) if unit else number(round(value)))


def _flow(words: Words, figures: PipelineFigures | None) -> Html:
    if figures is None:
        return Html("")
    last = figures.at.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = [last - timedelta(minutes=back) for back in reversed(range(_MINUTES))]
    found = {bucket.bucket: bucket for bucket in figures.ledger.buckets}
    lines = [
        Line(words(name), kind, _course(minutes, found, field))
        for name, kind, field in (
            ("accepted", "now", "accepted"),
            ("stored", "before", "stored"),
            ("rejected", "other", "rejected"),
        )
    ]
    names = [moment(it)[11:] for it in minutes]
    chart = draw(words, words("flow"), names, lines, running=True)
    return join([element("h2", words("flow")), chart])


def _course(
    minutes: Sequence[datetime], found: dict[datetime, LedgerSum], field: str
) -> Sequence[Decimal]:
    return [Decimal(getattr(found[it], field)) if it in found else Decimal(0) for it in minutes]


def _accounts(words: Words, balance: Balance) -> Sequence[Html]:
    """Write both equations; if nothing is missing, both sides are equal."""
    became = balance.rejections
    return (
        _equation(
            words,
            ("accepted", balance.accepted),
            [
                ("stored", balance.stored),
                ("duplicates", balance.duplicates),
                ("dead", balance.dead_lettered),
                ("in-flight", balance.in_flight),
                ("missing", balance.imbalance),
            ],
        ),
        _equation(
            words,
            ("rejected", balance.rejected),
            [
                ("kept", became.kept),
                ("repeated", became.repeated),
                ("in-flight", became.in_flight),
                ("missing", became.imbalance),
            ],
        ),
    )


def _equation(words: Words, whole: tuple[str, int], parts: Sequence[tuple[str, int]]) -> Html:
    def term(name: str, value: int) -> Html:
        lost = name == "missing" and value
        written = element("b", number(value))
        return element("span", written, f" {words(name)}", class_="failing" if lost else "term")

    sides = [term(*whole), Html(" = "), term(*parts[0])]
    for part in parts[1:]:
        sides += [Html(" + "), term(*part)]
    return element("p", *sides, class_="equation")


def _waiting(words: Words, waiting: Sequence[Waiting]) -> Html:
    if not waiting:
        return Html("")
    rows = [
        (
            it.collector,
            number(it.messages),
            words("unit.s", value=seconds_of(it.oldest_seconds)) if it.messages else NOTHING,
            words("ago", seconds=words("unit.s", value=seconds_of(it.measured_seconds_ago))),
        )
        for it in waiting
    ]
    heads = [
        ("", words("collector")),
        ("n", words("messages")),
        ("n", words("oldest")),
        ("n", words("measured")),
    ]
    return join([element("h2", words("waiting")), table(heads, rows, words("waiting"))])
