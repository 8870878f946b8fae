import json
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import Invalid
from functions.events import scanning
from functions.events.judging import Beginning
from functions.events.scanning import PIECE_BYTES, Walk
from runtime.http import splitting
from runtime.http.splitting import (
    BYTE_ORDER_MARK,
    WINDOW_BYTES,
    WINDOW_EVENTS,
    split_json,
    split_lines,
)
from tests.builders import a_facebook_event, raw
from tests.shapes import JSON, SHAPES, arrays, bodies, elements_of

LIMIT = 1024**2
SPACE = st.text(" \t\n\r", max_size=3)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NOT_TO_BE_CUT = [
    b"",
    b" \n",
    b"\xef\xbb\xbf",
    b"[",
    b"]",
    b"{",
    b"[1,",
    b"[1]]",
    b"[1] 2",
    b"[1][2]",
    b"{}{}",
    b'{"a":NaN}',
    b'{"a":"\t"}',
    b"[{]}",
    b"[{}}",
    b'["x]',
    b'["\\"]',
    b'["\\',
    b"{'a':1}",
    b'[{"a":1}',
    b"\xef\xbb\xbf[]]",
    b" \xef\xbb\xbf[]",
    "[1]".encode("utf-16"),
]
NO_JSON = [
    b"NaN", b"-Infinity", b"01", b"nul", b"1 2", b"{'a':1}", b'{"a":NaN}', b'"\t"', b"\"\\'\"",
    b"{,}", b'{"a" 1}', b"[1,]", b"", b"\\", b"\x00", b'["\\ud800" 1]', b"\xff",
]  # fmt: skip
"""Texts between two commas of an array that is cut."""


def split(body: bytes) -> list[bytes]:
    return list(chain.from_iterable(split_json(body, LIMIT)))


def windows(body: bytes) -> list[Sequence[bytes]]:
    return list(split_json(body, LIMIT))


def an_array(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


@contextmanager
def small_steps() -> Iterator[None]:
    """Make windows and steps so small that a small body has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "WINDOW_BYTES", 256)
        patch.setattr(splitting, "PIECE_BYTES", 64)
        patch.setattr(Walk.step, "__defaults__", (64,))
        patch.setattr(scanning, "_FINE_BYTES", 16)
        yield


def nested(depth: int, inside: str = "") -> bytes:
    return b'{"x":' + b"[" * depth + inside.encode() + b"]" * depth + b"}"


@given(st.lists(JSON_VALUES), st.none() | st.integers(0, 3), SPACE, st.booleans())
def test_an_array_falls_into_its_elements(
    values: list[Any],
    indent: int | None,
    space: str,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    body = f"{space}{json.dumps(values, indent=indent, ensure_ascii=ascii_only)}{space}".encode(
        errors="replace"
    )

    events = split(body)

    assert [json.loads(event) for event in events] == json.loads(body)
    assert all(event == event.strip() for event in events)


@given(st.lists(st.tuples(SPACE, JSON_VALUES, SPACE)))
def test_elements_come_out_byte_for_byte(elements: list[tuple[str, Any, str]]) -> None:
    texts = [raw_json(value) for _, value, _ in elements]
    spaced = [
        before.encode() + text + after.encode()
        for (before, _, after), text in zip(elements, texts, strict=True)
    ]

    assert split(an_array(spaced)) == texts


def raw_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(" ,", ": ")).encode(errors="replace")


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["},{", "\\", '"', "],[", ","])),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([", ", ",", " ,\n"]),
    st.integers(0, 50),
)
def test_a_large_array_falls_into_bounded_windows(
    events: list[dict[str, str]], comma: str, padding: int
) -> None:
    repeats = 3 * WINDOW_BYTES // (8 * len(events)) + padding
    texts = [raw(event) for event in events] * (repeats // 8)
    texts += [raw({"a": "x" * 100_000})] * 8
    body = b"[" + comma.encode().join(texts) + b"]"

    found = windows(body)

    assert list(chain.from_iterable(found)) == texts
    assert all(len(window) <= WINDOW_EVENTS for window in found)
    assert all(sum(map(len, window)) <= WINDOW_BYTES for window in found)


@pytest.mark.parametrize("indent", [None, 2])
def test_windows_are_bounded_where_events_hold_lists_of_objects(indent: int | None) -> None:
    event = a_facebook_event(extra=[{"a": number} for number in range(50)], more="a,b,c,d")
    body = json.dumps([event] * 3000, indent=indent).encode()

    found = windows(body)

    assert len(body) > 4 * WINDOW_BYTES
    assert sum(map(len, found)) == 3000
    assert max(sum(map(len, window)) for window in found) <= WINDOW_BYTES


def test_an_event_larger_than_a_window_comes_whole_and_the_next_windows_are_as_before() -> None:
    small, large = raw({"a": "x" * 1000}), raw({"a": "},{" * (WINDOW_BYTES // 2)})
    events = [small] * 100 + [large] + [small] * 3000

    found = windows(an_array(events))

    assert list(chain.from_iterable(found)) == events
    assert sum(sum(map(len, window)) > WINDOW_BYTES for window in found) == 1
    assert max(sum(map(len, window)) for window in found) == len(large)
    assert sum(map(bool, found)) < 15


def test_one_object_is_one_event() -> None:
    assert windows(b' {"a": [1, {"b": 2}]}\n') == [[b'{"a": [1, {"b": 2}]}']]


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b"[\n]"])
def test_an_empty_array_has_no_events(body: bytes) -> None:
    assert split(body) == []


def test_elements_that_are_no_events_are_left_to_be_judged() -> None:
    assert split(b'[1, "x", null, [2], true]') == [b"1", b'"x"', b"null", b"[2]", b"true"]


def test_numbers_are_left_as_they_are_written() -> None:
    numbers = [b"1e400", b"-0.0", b"1" * 5000, b"1E-400"]

    assert split(an_array(numbers)) == numbers


def test_a_window_of_tiny_elements_is_bounded_in_their_number() -> None:
    found = windows(an_array([b"1"] * 100_000))

    assert sum(map(len, found)) == 100_000
    assert max(map(len, found)) == WINDOW_EVENTS


@pytest.mark.parametrize("body", NOT_TO_BE_CUT)
def test_what_can_not_be_cut_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        split(body)


@pytest.mark.parametrize("body", [b"1", b'"[]"', b"null", b"true", b" 1.5 "])
def test_a_body_that_is_neither_array_nor_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        split(body)

    assert caught.value.faults[0].code == "body_type"


@pytest.mark.parametrize("ending", [b"", b",", b"}", b"]]", b"] x", b',"x'])
@pytest.mark.parametrize("odd", [b'"\\ud800"', nested(2000), b"1"])
def test_a_broken_body_is_refused_before_any_part_of_it_is_taken(ending: bytes, odd: bytes) -> None:
    body = b"[" + b",".join([odd, *[raw({"a": "x" * 1000})] * 2000]) + ending
    found: list[Sequence[bytes]] = []

    with pytest.raises(Invalid):
        found.extend(split_json(body, LIMIT))

    assert len(body) > 2 * WINDOW_BYTES
    assert all(not window for window in found)


@pytest.mark.parametrize("half", ["\\ud800", "\\uDBFFx", "\\udc00\\ud800", "\\\\\\udfff"])
def test_half_a_character_is_the_fault_of_one_event(half: str) -> None:
    good, bad = raw({"a": "x" * 1000}), raw({"b": "@,]"}).replace(b"@", half.encode())
    events = [good] * 1000 + [bad] + [good] * 1000

    assert split(an_array(events)) == events
    assert split(bad) == [bad]


@pytest.mark.parametrize("bad", [b'{"a":"\\ud800"', b'{"a":"\\ud800"} x', b'["\\ud800" 1'])
def test_half_a_character_does_not_make_json_of_what_is_none(bad: bytes) -> None:
    with pytest.raises(Invalid):
        split(bad)


@pytest.mark.parametrize("depth", [*range(930, 1010), 5_000, 100_000])
def test_deep_nesting_is_the_fault_of_one_event(depth: int) -> None:
    good, deep = raw({"a": "]" * 1000}), nested(depth)
    events = [good] * 600 + [deep, good]

    assert split(an_array(events)) == events


def test_one_deep_object_is_one_event() -> None:
    assert split(nested(100_000)) == [nested(100_000)]


@pytest.mark.parametrize("odd", NO_JSON)
@pytest.mark.parametrize("number", [1, 2000])
def test_an_element_that_is_not_json_comes_alone(odd: bytes, number: int) -> None:
    good = [raw({"a": "x" * 1000})] * number
    events = [*good, odd, *good, odd]

    assert split(an_array(events)) == events


@settings(deadline=None)
@given(bodies())
def test_a_body_is_cut_as_a_walk_a_byte_at_a_time_cuts_it(body: bytes) -> None:
    expected = elements_of(body)

    if expected is None:
        with pytest.raises(Invalid):
            split(body)
    else:
        assert split(body) == expected


@settings(deadline=None)
@given(bodies(), st.integers(1, 10))
def test_a_body_of_many_times_the_same_is_cut_so_too(body: bytes, times: int) -> None:
    many = body.strip()[1:-1]
    body = an_array([many] * times)
    expected = elements_of(body)

    with small_steps():
        if expected is None:
            with pytest.raises(Invalid):
                split(body)
        else:
            assert split(body) == expected


@settings(deadline=None)
@given(arrays(), st.integers(1, 2000))
def test_only_the_beginning_of_a_too_large_event_is_read(body: bytes, limit: int) -> None:
    expected = elements_of(body)

    found = list(chain.from_iterable(split_json(body, limit)))

    assert found == [event[: len(it)] for event, it in zip(expected or [], found, strict=True)]
    for event, it in zip(expected or [], found, strict=True):
        assert isinstance(it, Beginning) == (len(event) > limit)
        assert len(it) == (len(event) if len(event) <= limit else min(len(event), 65_536))


@pytest.mark.parametrize("spaced", [b"", b" \n"])
@pytest.mark.parametrize("kind", ["object", "array", "line"])
def test_a_large_event_is_never_copied_whole(kind: str, spaced: bytes) -> None:
    event = raw({"a": "x," * 4_000_000})
    body = spaced + (an_array([event, b"1"]) if kind == "array" else event) + spaced
    split_it = split_lines if kind == "line" else split_json

    tracemalloc.start()
    found = list(chain.from_iterable(split_it(body, LIMIT)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found[0] == event[: 64 * 1024]
    assert isinstance(found[0], Beginning)
    assert peak < 5_000_000


@pytest.mark.parametrize("after", [b"[1,2]", b" {}", b" \n[ ] "])
def test_a_byte_order_mark_is_no_part_of_the_text(after: bytes) -> None:
    assert split(BYTE_ORDER_MARK + after) == split(after)
    assert split_all_lines(BYTE_ORDER_MARK + after + b"\n1") == [*split_all_lines(after), b"1"]


def split_all_lines(body: bytes) -> list[bytes]:
    return list(chain.from_iterable(split_lines(body, LIMIT)))


@given(st.lists(JSON_VALUES), st.sampled_from(["\n", "\r\n", "\n\n", " \n\t"]), st.booleans())
def test_each_line_is_an_event(values: list[Any], end: str, ended: bool) -> None:  # noqa: FBT001
    texts = [raw_json(value) for value in values]

    body = end.encode().join(texts) + (end.encode() if ended else b"")

    assert split_all_lines(body or b"\n") == texts


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf"])
def test_no_lines_at_all_are_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        split_all_lines(body)


@pytest.mark.parametrize("body", [b"\n", b" \n\r\n\t", b"\n" * 1_000_000])
def test_blank_lines_are_no_events(body: bytes) -> None:
    assert split_all_lines(body) == []


@pytest.mark.parametrize("size", [1, 1000, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1])
def test_lines_come_in_bounded_windows(size: int) -> None:
    lines = [b"x" * size] * (4 * WINDOW_BYTES // size)

    found = list(split_lines(b"\n".join(lines), LIMIT))

    assert list(chain.from_iterable(found)) == lines
    assert all(len(window) <= WINDOW_EVENTS for window in found)
    assert all(sum(map(len, window)) <= WINDOW_BYTES + size for window in found)


@dataclass
class Work:
    """The bytes that splitting read: in all, and at most between two turns of others."""

    total: int = 0
    most: int = 0
    now: int = 0

    def look(self, size: int) -> None:
        self.now += size

    def turn(self) -> None:
        self.total += self.now
        self.most, self.now = max(self.most, self.now), 0


@dataclass
class Decoder:
    """A decoder that counts the bytes it gets."""

    work: Work
    decoder: Any

    def decode(self, text: bytes) -> Any:
        self.work.look(len(text))
        return self.decoder.decode(text)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Count the bytes that decoders and scans get."""
    counted, step = Work(), Walk.step

    def walked(walk: Walk, size: int = PIECE_BYTES) -> int | None:
        before = walk.position
        lowest = step(walk, size)
        counted.look(walk.position - before)
        return lowest

    for name, kind in (("_ANY", msgspec.Raw), ("_ELEMENTS", list[msgspec.Raw])):
        monkeypatch.setattr(splitting, name, Decoder(counted, msgspec.json.Decoder(kind)))
    monkeypatch.setattr(Walk, "step", walked)
    return counted


@pytest.mark.parametrize("name", [it.name for it in SHAPES.values() if it.media_type == JSON])
def test_no_shape_is_looked_at_for_long_or_often_or_held_in_pieces(name: str, work: Work) -> None:
    body = SHAPES[name].make(2_000_000)
    largest = most = 0

    tracemalloc.start()
    with suppress(Invalid):
        for window in split_json(body, LIMIT):
            work.turn()
            most, largest = max(most, len(window)), max(largest, sum(map(len, window)))
    work.turn()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert work.most <= 2 * WINDOW_BYTES
    assert work.total <= 10 * len(body)
    assert most <= WINDOW_EVENTS
    assert largest <= LIMIT + WINDOW_BYTES
    assert peak < 40_000_000  # a window of elements of two bytes is 262,144 of them
