import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Invalid
from runtime.splitting import WINDOW_BYTES, WINDOW_EVENTS, split_json, split_lines
from tests.builders import a_facebook_event, raw

SPACE = st.text(" \t\n\r", max_size=3)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NOT_JSON = [
    b"",
    b" \n",
    b"[",
    b"]",
    b"{",
    b"[1,",
    b"[1,]",
    b"[1 2]",
    b"[,]",
    b"[1]]",
    b"[1] 2",
    b"[1][2]",
    b"{}{}",
    b"[{]}",
    b'["x]',
    b"[NaN]",
    b"[Infinity]",
    b"[01]",
    b"[nul]",
    b"{'a':1}",
    b'[{"a":1}',
    b"\xef\xbb\xbf[]",
    "[1]".encode("utf-16"),
]


def split(body: bytes) -> list[bytes]:
    return list(chain.from_iterable(split_json(body)))


def windows(body: bytes) -> list[Sequence[bytes]]:
    return list(split_json(body))


def an_array(events: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


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
    small, large = raw({"a": "x" * 1000}), raw({"a": "},{" * WINDOW_BYTES})
    events = [small] * 100 + [large] + [small] * 3000

    found = windows(an_array(events))

    assert list(chain.from_iterable(found)) == events
    assert sorted(sum(map(len, window)) > WINDOW_BYTES for window in found)[-2:] == [False, True]
    assert max(sum(map(len, window)) for window in found) < 2 * len(large)


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


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        split(body)


@pytest.mark.parametrize("body", [b"1", b'"[]"', b"null", b"true", b" 1.5 "])
def test_what_is_neither_array_nor_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        split(body)

    assert caught.value.faults[0].code == "body_type"


@pytest.mark.parametrize("ending", [b"", b",", b"}", b"]]", b"] x", b',"x'])
@pytest.mark.parametrize("odd", [b'"\\ud800"', nested(2000), b"1"])
def test_a_broken_body_is_refused_before_any_part_of_it_is_taken(ending: bytes, odd: bytes) -> None:
    body = b"[" + b",".join([odd, *[raw({"a": "x" * 1000})] * 2000]) + ending
    found: list[Sequence[bytes]] = []

    with pytest.raises(Invalid):
        found.extend(split_json(body))

    assert len(body) > 2 * WINDOW_BYTES
    assert all(not window for window in found)


@pytest.mark.parametrize("half", ["\\ud800", "\\uDBFFx", "\\udc00\\ud800", "\\\\\\udfff"])
def test_half_a_character_is_the_fault_of_one_event(half: str) -> None:
    good, bad = raw({"a": "x" * 1000}), raw({"b": "@,]"}).replace(b"@", half.encode())
    events = [good] * 1000 + [bad] + [good] * 1000

    assert split(an_array(events)) == events
    assert split(bad) == [bad]


@pytest.mark.parametrize("bad", [b'{"a":"\\ud800"', b'{"a":"\\ud800"} x', b'["\\ud800" 1]'])
def test_half_a_character_does_not_make_json_of_what_is_none(bad: bytes) -> None:
    with pytest.raises(Invalid):
        split(bad)


@pytest.mark.parametrize("depth", [*range(930, 1010), 5_000, 100_000])
def test_deep_nesting_is_the_fault_of_one_event(depth: int) -> None:
    good, deep = raw({"a": "]" * 1000}), nested(depth)
    events = [good] * 600 + [deep, good]

    assert split(an_array(events)) == events


def test_deep_nesting_is_looked_at_a_little_at_a_time() -> None:
    found = windows(an_array([nested(200_000), raw({"a": 1})]))

    assert len(found) > 50
    assert sum(map(len, found)) == 2


def test_one_deep_object_is_one_event() -> None:
    assert split(nested(100_000)) == [nested(100_000)]


def split_all_lines(body: bytes) -> list[bytes]:
    return list(chain.from_iterable(split_lines(body)))


@given(st.lists(JSON_VALUES), st.sampled_from(["\n", "\r\n", "\n\n", " \n\t"]), st.booleans())
def test_each_line_is_an_event(values: list[Any], end: str, ended: bool) -> None:  # noqa: FBT001
    texts = [raw_json(value) for value in values]

    body = end.encode().join(texts) + (end.encode() if ended else b"")

    assert split_all_lines(body) == texts


@pytest.mark.parametrize("body", [b"", b"\n", b" \n\r\n\t"])
def test_blank_lines_are_no_events(body: bytes) -> None:
    assert split_all_lines(body) == []


@pytest.mark.parametrize("size", [1, 1000, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1])
def test_lines_come_in_bounded_windows(size: int) -> None:
    lines = [b"x" * size] * (4 * WINDOW_BYTES // size)

    found = list(split_lines(b"\n".join(lines)))

    assert list(chain.from_iterable(found)) == lines
    assert all(len(window) <= WINDOW_EVENTS for window in found)
    assert all(sum(map(len, window)) <= WINDOW_BYTES + size for window in found)
