"""The position of a fault in the text of an event."""

import json
from typing import Any

import pytest

from functions.events.judging import InvalidEvent, judge
from functions.operator.marking import mark_fault
from tests.builders import a_facebook_event, raw


def marked(text: str, field: str, code: str = "int_type") -> str | None:
    found = mark_fault(text, field, code)
    return None if found is None else text[found.start : found.end]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('{"data": {"user": {"age": "x"}}}', "data.user.age", '"x"'),
        ('{"age": 1, "data": {"age": 2}}', "data.age", "2"),
        ('{"a":1,"a" : [ 1 ] }', "a", "[ 1 ]"),
        ('{"items": [{"price": 1}, {"price": "2 €"}]}', "items.1.price", '"2 €"'),
        ('{"\\u0061ge": null}', "age", "null"),
        ('{"a": "b\\"}", "c": -1e400}', "c", "-1e400"),
        (' \n{"n": NaN}', "n", "NaN"),
        ('{"a": ' + "9" * 10_000 + "}", "a", "9" * 10_000),
        ('{"a": 1, "b": [1, 2', "a", None),
        ('{"a": {"b": 1, "c', "a.b", None),
        ('{"a": 1}', "b", None),
        ('{"a": {"c": 1}}', "a.b", '{"c": 1}'),
        ('{"a": "text"}', "a.b", '"text"'),
        ("5", "a", None),
        ("", "a", None),
        ('{"a": 1}', "", None),
        ("[" * 100_000, "0.a", None),
    ],
)
def test_a_fault_is_found_where_it_stands(text: str, field: str, value: str | None) -> None:
    assert marked(text, field) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": 1,}', "}"), ('{"a": tru}', "t"), ('{"a": 1', "1"), ("", None), ('{"a": 1}', None)],
)
def test_text_that_is_no_json_is_marked_where_it_ceases_to_be(text: str, value: str | None) -> None:
    assert marked(text, "", "json_invalid") == value


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        (r'{"a": "€\\\u0000"}', "nul_character", r"\u0000"),
        (r'{"a": "\ud83d\ude00 \uDC00"}', "lone_surrogate", r"\uDC00"),
        ('{"a": 1}', "nul_character", None),
    ],
)
def test_a_character_that_is_not_kept_is_marked(text: str, code: str, value: str | None) -> None:
    assert marked(text, "", code) == value


def test_what_is_missing_marks_what_should_have_it() -> None:
    found = mark_fault('{"data": {"user": {}}}', "data.user.age", "missing")

    assert found
    assert found.is_missing


@pytest.mark.parametrize("change", [{"age": "old"}, {"age": -1}, {"gender": "?"}, {"location": 5}])
def test_what_judging_finds_is_found_again(change: dict[str, Any]) -> None:
    event = a_facebook_event()
    event["data"]["user"] |= change

    with pytest.raises(InvalidEvent) as refused:
        judge(raw(event))
    field = refused.value.fault.field

    found = marked(raw(event).decode(), field)
    assert found is not None
    assert json.loads(found) == next(iter(change.values()))
