"""Random shapes: drawn piece by piece, and repeated up to a size."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, repeat
from typing import Final

from hypothesis import strategies as st

from tests.shapes import (
    BATCH,
    JSON,
    LINES,
    STRUCTURED,
    array_of,
    array_with,
    cloud_event,
    event_with,
    filled,
    lines_of,
    valid_event,
)

_SCALARS: Final = st.sampled_from(
    [b"0", b"-1.5e300", b"12345678901234567890", b"true", b"null", b'""', b'"x"', b'"\\n\\u00e9"',
     b'"\\ud83d\\ude00"', b'"},{"', b'"\\\\\\""', b"[]", b"{}", '"é"'.encode()]
)  # fmt: skip
_ODD: Final = st.sampled_from(
    [b"NaN", b"word", b'"\\ud800"', b'"\t"', b"{'a':1}", b"[1,]", b"\xff"]
)
_EVENT_BYTES: Final = st.sampled_from([600, 5_000, 100_000, 1_000_000, 1_100_000, 12_000_000])


_SALE: Final[dict[str, object]] = {"engagement": {"purchaseAmount": 1.5}}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A body to be made.

    Attributes:
        way: How the piece is repeated.
        piece: The repeated piece.
        event_bytes: The size of each event, if there are several.
        media_type: How it is sent.
    """

    way: str
    piece: bytes
    event_bytes: int
    media_type: str

    def make(self, size: int) -> bytes:
        """Make about so many bytes."""
        return _MAKERS[self.way](self, size)

    def events(self) -> Iterator[bytes]:
        """Repeat the piece in valid events, each of its size and with its own id."""
        for number in count():
            yield event_with(self.piece, self.event_bytes, eventId=f"drawn-{number}", **_SALE)


_MAKERS: Final[Mapping[str, Callable[[Drawn, int], bytes]]] = {
    "elements": lambda it, size: array_of(size, it.piece),
    "one event": lambda it, size: event_with(it.piece, size, **_SALE),
    "events": lambda it, size: array_with(size, it.events()),
    "in turns": lambda it, size: array_with(
        size, (valid_event(number) if number % 2 else it.piece for number in count())
    ),
    "values": lambda it, size: filled(size, b"{", b'"k":' + it.piece + b",", b'"z":0}'),
    "lines": lambda it, size: lines_of(size, repeat(it.piece)),
    "batch": lambda it, size: array_of(size, cloud_event(it.piece)),
    "data": lambda it, size: cloud_event(array_of(size, it.piece)),
}
_MEDIA_TYPES: Final = {"lines": LINES, "batch": BATCH, "data": STRUCTURED}


def _groups(children: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    several = st.lists(children, min_size=1, max_size=6)
    return st.one_of(
        several.map(lambda parts: b"[" + b",".join(parts) + b"]"),
        several.map(
            lambda parts: b"{" + b",".join(b'"%d":%b' % (n, p) for n, p in enumerate(parts)) + b"}"
        ),
        st.tuples(children, st.integers(1, 199)).map(
            lambda it: b"[" * it[1] + it[0] + b"]" * it[1]
        ),
        st.tuples(st.sampled_from([b"x", b"\\n", b"\\u00e9", b"0"]), st.integers(1, 3000)).map(
            lambda it: b'"' + it[0] * it[1] + b'"'
        ),
    )


PIECES: Final = st.recursive(st.one_of(_SCALARS, _SCALARS, _ODD), _groups, max_leaves=12)


@st.composite
def drawn_shapes(draw: st.DrawFn) -> Drawn:
    """Draw depth, number, packing, kind of value, escapes and keys."""
    way = draw(st.sampled_from(sorted(_MAKERS)))
    piece = draw(PIECES)
    return Drawn(way, piece, draw(_EVENT_BYTES), _MEDIA_TYPES.get(way, JSON))
