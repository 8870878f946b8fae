"""Large events are judged by the fields of the contract."""

import tracemalloc
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import Invalid
from functions.events import judging
from functions.events.judging import InvalidEvent, judge, judge_by_contract
from functions.events.pruning import LARGE_BYTES, prune
from functions.events.scanning import depths, turns, without_pairs
from tests.builders import a_facebook_event, a_tiktok_event, raw
from tests.shapes import elements, event_with, valid_event

PADDING: dict[str, Any] = {"e": [{"a": [[], {}, 0.1, "x"]}] * 200}
BEGINNINGS = [
    a_facebook_event(eventType="ad.view"),
    a_facebook_event(eventType="checkout.complete", engagement={"purchaseAmount": "1.50"}),
    a_tiktok_event(eventType="like"),
    a_tiktok_event(eventType="purchase", engagement={"purchaseAmount": 1.5}),
]
MISSING: Any = object()
VALUES: list[Any] = [
    None,
    [],
    {},
    [1, {"a": 2}],
    {"b": [1]},
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "x" * 5000,
    "NaN",
]


def outcome_of(event: bytes) -> tuple[str, ...]:
    try:
        read = judge_by_contract(event)
    except InvalidEvent as invalid:
        return (invalid.fault.field, invalid.fault.code)
    return (read.source, read.event_id, repr(read))


def outcome_without_pruning(event: bytes) -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "LARGE_BYTES", len(event))
        return outcome_of(event)


def places_in(value: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, inner in value.items():
        yield (*path, key)
        if isinstance(inner, dict):
            yield from places_in(inner, (*path, key))


@pytest.mark.parametrize("number", range(len(BEGINNINGS)))
def test_an_event_bent_anywhere_has_the_same_fault_when_it_is_large(number: int) -> None:
    for place in places_in(BEGINNINGS[number]):
        for value in (*VALUES, MISSING):
            event = deepcopy(BEGINNINGS[number]) | PADDING
            owner = event
            for key in place[:-1]:
                owner = owner[key]
            if value is MISSING:
                del owner[place[-1]]
            else:
                owner[place[-1]] = value
            text = raw(event)
            assert outcome_of(text) == outcome_without_pruning(text), (place, value)


@settings(deadline=None)
@given(elements(max_repeats=3000))
def test_any_element_is_to_the_contract_what_it_is_without_pruning(event: bytes) -> None:
    assert outcome_of(event) == outcome_without_pruning(event)


@pytest.mark.parametrize(
    ("at_unknown_key", "code"),
    [
        (b"[" * 199 + b"]" * 199, None),
        (b"[" * 200 + b"]" * 200, "json_invalid"),
        (b"[" * 900 + b"]" * 900, "json_invalid"),
        (b"[" * 100_000 + b"]" * 100_000, "json_invalid"),
        (b'"' + b"[" * 5000 + b'"', None),
        (b"1" * 4300, None),
        (b"1" * 4301, "json_invalid"),
        (b'"' + b"1" * 4301 + b'"', None),
        (b'"\xff"', "json_invalid"),
        (b'"\t"', "json_invalid"),
        (b"NaN", "json_invalid"),
        (b'"NaN"', None),
        (b"[1,]", "json_invalid"),
        (b'"\\u0000"', "nul_character"),
        (b'"\\ud800"', "lone_surrogate"),
    ],
    ids=lambda it: str(it)[:16],
)
def test_pruned_values_follow_the_same_rules(at_unknown_key: bytes, code: str | None) -> None:
    event = valid_event(1, pad="x" * LARGE_BYTES)[:-1] + b',"e":' + at_unknown_key + b"}"

    if code is None:
        assert judge(event).source == "tiktok"
    else:
        with pytest.raises(InvalidEvent) as caught:
            judge(event)
        assert caught.value.fault.code == code
        assert caught.value.source == "tiktok"


@pytest.mark.parametrize("filling", [b"{}", b"[]", b"1", b'""', b'{"a":{"b":[]}}'])
@pytest.mark.parametrize("fields", [{}, {"user": {"age": "old", "followers": "many"}}])
@pytest.mark.parametrize("amount", [1.5, "1.50"])
def test_unknown_values_are_never_built(
    filling: bytes, fields: dict[str, Any], amount: object
) -> None:
    event = event_with(filling, 1_000_000, **fields, engagement={"purchaseAmount": amount})

    tracemalloc.start()
    outcome = outcome_of(event)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert outcome[0] == ("data.user.age" if fields else "facebook")
    assert peak < 16_000_000  # json.loads would take 60 to 100 MB
    assert len(prune(event)) < 600


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":1', b"\xff", b'{"a":1}x', b'{"a":01}'])
def test_text_that_is_not_json_is_not_pruned(text: bytes) -> None:
    with pytest.raises(Invalid):
        prune(text)


@given(
    st.lists(st.sampled_from([b"[", b"]", b"[]", b"{}", b"[[]]", b"{[]}"]), max_size=60),
    st.integers(0, 3),
)
def test_pairs_are_taken_out_without_a_change_of_what_is_asked(
    brackets: list[bytes], depth: int
) -> None:
    turned = turns(b"".join(brackets * 8))
    exact = list(depths(turned, depth))

    left, less = without_pairs(turned)

    found = list(depths(left, depth))
    assert (min(found), found[-1]) == (min(exact), exact[-1])
    assert max(found) <= max(exact) <= max(found) + less
