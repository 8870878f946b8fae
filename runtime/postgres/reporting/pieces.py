"""A period of time as whole spans, long ones first, and the ragged ends around them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from functions.parameters import Period
from runtime.postgres.spans import EPOCH, START_OF, Span, end_of

Bound = datetime | None
_Piece = tuple[Bound, Bound]

_LAST: Final = datetime.max.replace(tzinfo=UTC)
_EMPTY: Final[_Piece] = (EPOCH, EPOCH)


def split(period: Period, spans: Sequence[Span]) -> list[Bound]:
    """Split a period into half-open pieces, of which one that ends where it starts is empty.

    Args:
        period: What to split.
        spans: What to split it into, longest first.

    Returns:
        Starts and ends in turn: of the whole longest spans (where alone None
        is no bound), then for each shorter span of the piece before and the
        piece after what is longer, at last of the two ragged ends.
    """
    longest, *shorter = spans
    whole, before, after = _part(period.start, period.end, longest)
    pieces = [whole]
    for span in shorter:
        if whole is _EMPTY:  # nothing longer fits: what is left lies in ``before`` alone
            whole, before, after = _part(*before, span)
            pieces += [whole, _EMPTY]
        else:
            first, last = _ceil(before[0], span), _floor(after[1], span)
            pieces += [(first, before[1]), (after[0], last)]
            before, after = (before[0], first), (last, after[1])
    return [bound for piece in [*pieces, before, after] for bound in piece]


def _part(start: Bound, end: Bound, span: Span) -> tuple[_Piece, _Piece, _Piece]:
    """Find the whole spans of a period, and what lies before and after them.

    Without one, all of the period lies before.
    """
    first, last = _ceil(start, span), _floor(end, span)
    if start and end and first and last and first >= last:
        return _EMPTY, (start, end), _EMPTY
    return (first, last), (start, first) if start else _EMPTY, (last, end) if end else _EMPTY


def _floor(moment: Bound, span: Span) -> Bound:
    return moment and START_OF[span](moment)


def _ceil(moment: Bound, span: Span) -> Bound:
    floor = _floor(moment, span)
    if floor is None or floor == moment:
        return moment
    try:
        return end_of(span, floor)
    except OverflowError:
        # What follows the last span cannot be said; the last instant, which the
        # driver takes for infinity, parts the same rows.
        return _LAST
