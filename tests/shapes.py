"""Hostile shapes: bodies with unusual depth, number, compression, spelling or keys.

``SHAPES`` is a fixed table for whole processes: each makes about as many bytes
as requested, and few of them compressed. The strategies draw small
bodies for property tests, whose answers ``elements_of`` knows by walking
through them a byte at a time.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Final, Literal
from uuid import UUID

from hypothesis import strategies as st

from tests.builders import a_facebook_event, a_tiktok_event, raw

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

Outcome = Literal["taken", "rejected", "mixed", "refused"]
"""The outcome of a shape: 202, 422, 202 with some rejected, or 400."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of body.

    Attributes:
        name: Its name in tests.
        make: Makes one of about so many bytes.
        outcome: Its outcome at a megabyte or more, with the
            default limit of an event; CloudEvents always get 204.
        media_type: How it is sent.
    """

    name: str
    make: Callable[[int], bytes]
    outcome: Outcome
    media_type: str = JSON

    def packed(self, size: int) -> bytes:
        """Make one for ``Content-Encoding: gzip``, the same bytes every time."""
        return gzip.compress(self.make(size), 9, mtime=0)


def filled(size: int, before: bytes, filling: bytes, after: bytes) -> bytes:
    """Repeat a filling between two ends until there are about so many bytes."""
    times = max(1, (size - len(before) - len(after)) // len(filling))
    return b"".join([before, filling * times, after])


def valid_event(number: int, **fields: object) -> bytes:
    """Write a valid event, always the same for a number: a sale on Facebook or TikTok."""
    fields = {"eventId": f"shape-{UUID(int=number)}", **fields}
    if number % 2:
        return raw(a_tiktok_event(eventType="purchase", **fields))
    return raw(a_facebook_event(eventType="checkout.complete", **fields))


def event_with(filling: bytes, size: int, **fields: object) -> bytes:
    """Write a valid event with so many bytes in an array at an unknown key, its last key."""
    return filled(size, valid_event(0, **fields)[:-1] + b',"e":[', filling + b",", filling + b"]}")


def array_of(size: int, element: bytes) -> bytes:
    """Repeat one element in an array."""
    return filled(size, b"[", element + b",", element + b"]")


def array_with(size: int, events: Iterable[bytes]) -> bytes:
    """Collect events in an array until there are about so many bytes."""
    return b"[" + b",".join(_up_to(size, events)) + b"]"


def lines_of(size: int, events: Iterable[bytes]) -> bytes:
    """Collect events, one per line, until there are about so many bytes."""
    return b"\n".join(_up_to(size, events))


def cloud_event(data: bytes) -> bytes:
    """Wrap data into a structured CloudEvent."""
    return b'{"specversion":"1.0","id":"1","source":"/shapes","type":"t","data":' + data + b"}"


def _up_to(size: int, events: Iterable[bytes]) -> Iterator[bytes]:
    for event in events:
        yield event
        size -= len(event) + 1
        if size <= 0:
            return


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def _alike(number: int) -> bytes:
    """Write an event of 630 KB of objects that all begin like the event itself."""
    return b'{"eventId":[' + b'{"eventId":1},' * 45_000 + b"%d]}" % number


def _mixed(number: int) -> bytes:
    """Write in turns a valid event and one of several invalid ones."""
    odd = (b"NaN", b"{'a':1}", b'{"a":"\t"}', b'"\\\'"', b"word", b'{"a":"\\ud800"}', b"{}", b"1")
    return odd[number // 2 % len(odd)] if number % 2 else valid_event(number)


def _pair_of_halves(size: int) -> bytes:
    return array_with(
        size, [valid_event(n, pad="x y, " * (size // 10)) for n in (0, 1)] + [valid_event(2)]
    )


def _strings(size: int) -> bytes:
    return filled(size, b'{"eventId":"', b"x", b'"}')


_MANY_KEYS: Final = b"".join(b'"%x":0,' % number for number in range(4096))
_SALE: Final = {"engagement": {"purchaseAmount": 1.5}}

SHAPES: Final = {
    shape.name: shape
    for shape in (
        # One event
        Shape(
            "event of empty objects", lambda n: filled(n, b'{"e":[', b"{},", b"{}]}"), "rejected"
        ),
        Shape("event of empty arrays", lambda n: filled(n, b'{"e":[', b"[],", b"[]]}"), "rejected"),
        Shape("event of small numbers", lambda n: filled(n, b'{"e":[', b"1,", b"1]}"), "rejected"),
        Shape("event of empty strings", lambda n: filled(n, b'{"e":[', b'"",', b"1]}"), "rejected"),
        Shape(
            "event of nested arrays",
            lambda n: filled(n, b'{"e":[', _nested(9) + b",", b"1]}"),
            "rejected",
        ),
        Shape(
            "event of nested objects",
            lambda n: filled(n, b'{"e":[', b'{"a":{"a":{"a":{}}}},', b"1]}"),
            "rejected",
        ),
        Shape("event of deep nesting", lambda n: b'{"e":' + _nested(n // 2) + b"}", "rejected"),
        Shape("event of many keys", lambda n: filled(n, b"{", _MANY_KEYS, b'"z":0}'), "rejected"),
        Shape("event of one key", lambda n: filled(n, b"{", b'"data":{},', b'"z":0}'), "rejected"),
        Shape("event of one string", _strings, "rejected"),
        Shape("event of escapes", lambda n: filled(n, b'{"e":"', rb"\n\"\\", b'"}'), "rejected"),
        Shape(
            "event of escaped characters",
            lambda n: filled(n, b'{"e":"', rb"\u00e9\ud83d\ude00", b'"}'),
            "rejected",
        ),
        Shape("event of one number", lambda n: filled(n, b'{"e":', b"1", b"}"), "rejected"),
        Shape("valid event of objects", lambda n: event_with(b"{}", n, **_SALE), "rejected"),
        Shape("valid event of numbers", lambda n: event_with(b"0.1", n, **_SALE), "rejected"),
        Shape(
            "valid event of strings",
            lambda n: event_with(b'"e"', n, **_SALE),
            "rejected",
        ),
        # Several large ones
        Shape("two halves and a small one", _pair_of_halves, "mixed"),
        Shape("events that open alike", lambda n: array_with(n, map(_alike, count())), "rejected"),
        Shape(
            "events just below the limit",
            lambda n: array_with(
                n, (event_with(b"{}", 1_040_000, eventId=f"near-{i}", **_SALE) for i in count())
            ),
            "taken",
        ),
        Shape(
            "events of 100 KB",
            lambda n: array_with(
                n, (event_with(b'{"a":[]}', 100_000, eventId=f"k-{i}", **_SALE) for i in count())
            ),
            "taken",
        ),
        # Masses
        Shape("array of small numbers", lambda n: array_of(n, b"1"), "rejected"),
        Shape("array of empty objects", lambda n: array_of(n, b"{}"), "rejected"),
        Shape("array of empty strings", lambda n: array_of(n, b'""'), "rejected"),
        Shape("array of empty arrays", lambda n: array_of(n, b"[]"), "rejected"),
        Shape("array of objects", lambda n: array_of(n, b'{"e":[{},{}]}'), "rejected"),
        Shape("array of nothing", lambda n: filled(n, b"[", b",", b"]"), "rejected"),
        Shape("array of words", lambda n: array_of(n, b"NaN"), "rejected"),
        Shape("array of half characters", lambda n: array_of(n, b'"\\ud800"'), "rejected"),
        Shape("array of bad strings", lambda n: array_of(n, b'{"eventId":"a\tb"}'), "rejected"),
        Shape(
            "array of events without a name",
            lambda n: array_with(
                n, (valid_event(i, user={"name": None, "username": None}) for i in count())
            ),
            "rejected",
        ),
        Shape("good and bad in turns", lambda n: array_with(n, map(_mixed, count())), "mixed"),
        Shape("valid events", lambda n: array_with(n, map(valid_event, count())), "taken"),
        Shape(
            "half a character and brackets",
            lambda n: filled(n, b'["\\ud800",[', b"[],", b"[]]]"),
            "rejected",
        ),
        Shape("a word and brackets", lambda n: filled(n, b"[NaN,[", b"{},", b"{}]]"), "rejected"),
        # What can't be cut
        Shape("opening brackets", lambda n: b"[" * n, "refused"),
        Shape("closing brackets", lambda n: b"[" + b"]" * n, "refused"),
        Shape("a string without an end", lambda n: filled(n, b'["', b"x", b""), "refused"),
        Shape("escapes without an end", lambda n: filled(n, b'["', rb"\"", b""), "refused"),
        Shape(
            "an array without an end",
            lambda n: array_with(n, map(valid_event, count()))[:-1],
            "refused",
        ),
        Shape("whitespace", lambda n: b" \n" * (n // 2), "refused"),
        Shape("a bare string", lambda n: filled(n, b'"', b"x", b'"'), "refused"),
        # Lines
        Shape("lines of small numbers", lambda n: b"1\n" * (n // 2), "rejected", LINES),
        Shape("blank lines", lambda n: b"\n" * n, "taken", LINES),
        Shape("lines of brackets", lambda n: b"[\n" * (n // 2), "rejected", LINES),
        Shape("one line", _strings, "rejected", LINES),
        Shape("good and bad lines", lambda n: lines_of(n, map(_mixed, count())), "mixed", LINES),
        # CloudEvents
        Shape("batch of numbers", lambda n: array_of(n, b"1"), "rejected", BATCH),
        Shape("batch of empty events", lambda n: array_of(n, cloud_event(b"1")), "rejected", BATCH),
        Shape(
            "CloudEvent of small numbers",
            lambda n: cloud_event(array_of(n, b"1")),
            "rejected",
            STRUCTURED,
        ),
        Shape(
            "CloudEvent of valid events",
            lambda n: cloud_event(array_with(n, map(valid_event, count()))),
            "taken",
            STRUCTURED,
        ),
        Shape(
            "CloudEvent of one event",
            lambda n: cloud_event(event_with(b"{}", n, **_SALE)),
            "rejected",
            STRUCTURED,
        ),
        Shape(
            "CloudEvent of keys",
            lambda n: filled(n, b'{"specversion":"1.0",', _MANY_KEYS, b'"data":1}'),
            "rejected",
            STRUCTURED,
        ),
    )
}
"""By name, in the order of the file."""


def elements_of(body: bytes) -> list[bytes] | None:
    """Cut an array with the simplest scan; None if it can't be cut.

    Between two commas there may be nothing, which is not JSON.
    """
    body = body.strip(_SPACE)
    if not body.startswith(b"["):
        return None
    elements, start, depth, position = [], 1, 0, 0
    while position < len(body):
        mark = body[position : position + 1]
        if mark == b'"':
            position = _end_of_string(body, position)
            if position < 0:
                return None
        depth += (mark in b"[{") - (mark in b"]}")
        if depth == 0 or (depth == 1 and mark == b","):
            elements.append(body[start:position].strip(_SPACE))
            start = position + 1
        if depth == 0:
            break
        position += 1
    if depth or mark != b"]" or position + 1 < len(body):
        return None
    return [] if elements == [b""] else elements


def _end_of_string(body: bytes, position: int) -> int:
    """Find the quotation mark that ends a string; -1 if there is none."""
    position += 1
    while position < len(body):
        if body[position : position + 1] == b'"':
            return position
        position += 2 if body[position : position + 1] == b"\\" else 1
    return -1


_SPACE: Final = b" \t\n\r"
SPACES: Final = st.text(" \t\n\r", max_size=2).map(str.encode)

ODD_ELEMENTS: Final = st.sampled_from(
    [
        b"1", b"null", b'""', b"{}", b"[]", b"[[],{}]", b"-0.0", b"1e400",
        b'{"a":"},{"}', b'"\\\\"', b'"\\""', b'"]"', b'{"a":[1,2,{"b":","}]}',
        b"NaN", b"-Infinity", b"nul", b"01", b"1 2", b"{'a':1}", b'{"a" 1}', b"{,}", b"[1,]",
        b'"\\\'"', b'"a\tb"', b'"\xff"', b"\xff", b"\x00", b'{"a":NaN}', b"word", b"\\",
        b'"\\ud800"', b'{"\\udc00\\ud800":1}', b'"\\u0000"', b'"\\u12"',
        b'{"source":"tiktok","eventId":"ttk-odd","a":NaN}', b'{"eventId":"\\ud83d\\ude00"}',
    ]
)  # fmt: skip
"""Elements that are not events; an array can be cut at each of them."""

FILLINGS: Final = st.sampled_from([b"{}", b"[]", b"1", b'""', b'{"a":{}}', b"[[[]]]", b'"},{"'])
"""The part that is repeated inside an event."""


@st.composite
def elements(draw: st.DrawFn, max_repeats: int = 400) -> bytes:
    """Draw an element of an array: valid or not, JSON or not, small or padded, shallow or deep."""
    kind = draw(st.sampled_from(["valid", "odd", "odd", "padded", "deep", "broken"]))
    number = draw(st.integers(0, 10**6))
    if kind == "odd":
        return draw(ODD_ELEMENTS)
    if kind == "deep":
        depth = draw(st.sampled_from([1, 150, 199, 250, 2000]))
        return b'{"e":' + _nested(depth) + b"}"
    event = valid_event(number)
    if kind == "broken":
        return event.replace(draw(st.sampled_from([b'"data"', b":", b'"source"'])), b"NaN", 1)
    if kind == "padded":
        filling = draw(FILLINGS)
        times = draw(st.integers(1, max_repeats))
        return event[:-1] + b',"e":[' + b",".join([filling] * times) + b"]}"
    return event


@st.composite
def arrays(draw: st.DrawFn, max_size: int = 12) -> bytes:
    """Draw an array that can be cut, with any space between its elements."""
    parts = draw(st.lists(st.tuples(SPACES, elements(), SPACES), max_size=max_size))
    return (
        draw(SPACES) + b"[" + b",".join(map(b"".join, parts)) + draw(SPACES) + b"]" + draw(SPACES)
    )


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw an array, or an array with some bytes removed or inserted."""
    body = draw(arrays())
    if draw(st.booleans()):
        return body
    place = draw(st.integers(0, len(body)))
    more = draw(st.sampled_from([b"", b'"', b"[", b"]", b"{", b"}", b",", b"\\", b"x"]))
    return body[:place] + more + body[place + draw(st.integers(0, 3)) :]


def named(names: Iterable[str] = SHAPES) -> Iterator[Shape]:
    """Return shapes by name; all if none are named."""
    return islice((SHAPES[name] for name in names), None)
