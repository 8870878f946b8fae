"""A time series, drawn as SVG and listed as a table of the same points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from runtime.http.html import Html, element, join
from runtime.http.pages.words import Words
from runtime.http.pages.writing import NOTHING, number

_WIDTH: Final = 1000
_HEIGHT: Final = 200
_LABELS: Final = 6
_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_GRID: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One series.

    Attributes:
        name: In the legend and as the column's head.
        kind: How it is drawn: ``now``, ``before``, ``other``.
        values: One for each point; None where there is none.
    """

    name: str
    kind: str
    values: Sequence[Decimal | None]


def draw(
    words: Words,
    title: str,
    moments: Sequence[str],
    lines: Sequence[Line],
    *,
    running: bool = False,
    link: Callable[[int], str] | None = None,
) -> Html:
    """Draw lines over the same points.

    Args:
        words: The language.
        title: What is shown.
        moments: The points' names, oldest first; at least one.
        lines: The first is the one that is described.
        running: Whether the last point is incomplete: it is dotted and labelled so.
        link: The address for a point, by its index.
    """
    top = nice_top(max((it for line in lines for it in line.values if it is not None), default=0))
    return element(
        "figure",
        element("figcaption", title),
        _legend(words, lines, running=running),
        element(
            "div",
            element("div", *_scale(top), class_="ys", aria_hidden="true"),
            _plot(words, title, moments, lines, top, running=running),
            element("div", *_moments(moments), class_="xs", aria_hidden="true"),
            class_="plot",
        ),
        _table(words, moments, lines, running=running, link=link),
        class_="chart",
    )


def nice_top(most: Decimal | int) -> Decimal:
    """Return the top of a scale: a round number, not less, that divides by four."""
    if most <= 0:
        return Decimal(_GRID)
    step = Decimal(most) / _GRID
    power = Decimal(10) ** step.adjusted()
    nice = next(it * power for it in _STEPS if it * power >= step)
    return max(nice, Decimal(1)) * _GRID


def bar(share: float) -> Html:
    """Draw a share from 0 to 1 as a bar; its number stands next to it."""
    filled = element("rect", width=f"{100 * min(1.0, share):.1f}%", height="100%")
    return element("svg", filled, class_="bar", aria_hidden="true", focusable="false")


def bars(values: Sequence[int]) -> Html:
    """Draw a few numbers as bars side by side; the numbers themselves are shown elsewhere."""
    most = max([1, *values])
    drawn = [
        element(
            "rect",
            x=str(10 * place),
            y=f"{20 - 20 * value / most:.1f}",
            width="8",
            height=f"{20 * value / most:.1f}",
        )
        for place, value in enumerate(values)
        if value
    ]
    return element(
        "svg",
        *drawn,
        class_="bars",
        viewBox=f"0 0 {10 * len(values)} 20",
        aria_hidden="true",
        focusable="false",
    )


def _legend(words: Words, lines: Sequence[Line], *, running: bool) -> Html:
    names = [(line.kind, line.name) for line in lines]
    if running:
        names.append(("running", words("legend.running")))
    if len(names) == 1:
        return Html("")
    return element("ul", *(element("li", name, class_=kind) for kind, name in names), class_="key")


def _scale(top: Decimal) -> list[Html]:
    return [
        element("span", number((top * part / _GRID).normalize())) for part in range(_GRID, -1, -1)
    ]


def _moments(moments: Sequence[str]) -> list[Html]:
    count = min(_LABELS, len(moments))
    places = [round(it * (len(moments) - 1) / max(1, count - 1)) for it in range(count)]
    return [element("span", moments[place]) for place in places]


def _plot(
    words: Words,
    title: str,
    moments: Sequence[str],
    lines: Sequence[Line],
    top: Decimal,
    *,
    running: bool,
) -> Html:
    grid = [
        element("path", d=f"M0 {_HEIGHT * part // _GRID}H{_WIDTH}", class_="grid")
        for part in range(_GRID + 1)
    ]
    told = [it or Decimal(0) for it in lines[0].values]
    most = max(range(len(told)), key=told.__getitem__)
    alt = words(
        "chart.alt",
        title=title,
        most=number(told[most]),
        moment=moments[most],
        total=number(sum(told)),
    )
    return element(
        "svg",
        *grid,
        *(path for line in reversed(lines) for path in _paths(line, top, running=running)),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=alt,
    )


def _paths(line: Line, top: Decimal, *, running: bool) -> list[Html]:
    """Draw a line, broken where values are missing, dotted up to an incomplete last point."""
    count = len(line.values)
    if count == 1:
        value = line.values[0]
        y = _y(value or Decimal(0), top)
        return [element("path", d=f"M0 {y}H{_WIDTH}", class_=line.kind)]
    spots = [
        None if value is None else f"{round(_WIDTH * place / (count - 1), 1):g} {_y(value, top)}"
        for place, value in enumerate(line.values)
    ]
    ends = running and line.kind == "now"
    whole = spots[:-1] if ends else spots
    steps = "".join(
        f"{'L' if before else 'M'}{spot}" for before, spot in pairwise([None, *whole]) if spot
    )
    drawn = [element("path", d=steps or "M0 0", class_=line.kind)]
    if ends and spots[-2] and spots[-1]:
        drawn.append(element("path", d=f"M{spots[-2]}L{spots[-1]}", class_="running"))
    return drawn


def _y(value: Decimal, top: Decimal) -> str:
    return f"{round(_HEIGHT * float(1 - value / top), 1):g}"


def _table(
    words: Words,
    moments: Sequence[str],
    lines: Sequence[Line],
    *,
    running: bool,
    link: Callable[[int], str] | None,
) -> Html:
    head = element(
        "tr",
        element("th", words("moment"), scope="col"),
        *(element("th", line.name, scope="col") for line in lines),
    )
    rows = []
    for place in reversed(range(len(moments))):
        name = element("a", moments[place], href=link(place)) if link else moments[place]
        notes = [f" ({words('so-far')})"] if running and place == len(moments) - 1 else []
        cells = [
            NOTHING if (value := line.values[place]) is None else number(value) for line in lines
        ]
        rows.append(
            element(
                "tr",
                element("th", name, *notes, scope="row"),
                *(element("td", cell) for cell in cells),
            )
        )
    table = element("table", element("thead", head), element("tbody", join(rows)))
    return element(
        "details",
        element("summary", words("as-table")),
        element(
            "div", table, class_="wide", tabindex="0", role="region", aria_label=words("as-table")
        ),
    )
