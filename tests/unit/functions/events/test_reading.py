"""The fast reader accepts only events that the contract accepts, with the same result."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.events.contract import EVENT
from functions.events.judging import InvalidEvent, judge, judge_by_contract
from functions.events.reading import read
from functions.events.sources import Event
from functions.publisher.generate import generate, moments
from runtime.http.documentation.event_examples import EVENTS
from tests.builders import a_facebook_event, a_tiktok_event, raw, raw_with
from tests.unit.functions.events.event_texts import (
    KEYS,
    KINDS,
    TOKENS,
    WAYS,
    WAYS_WITH_TOKEN,
    bend,
    places_in,
    text_of,
    tree_of,
)

MILLISECONDS = 1_704_067_200_000
DAMAGE = st.dictionaries(st.integers(0, 600), st.binary(max_size=1), max_size=2)


def agree(text: bytes) -> bool:
    """Check that reader and contract agree on an event; return whether the reader decoded it."""
    taken, judged = read(text), verdict(text)
    assert taken is None or judged is not None, "valid to the reader only"
    if judged is not None:
        contract: Any = EVENT.validate_json(text)
        engagement = contract["data"]["engagement"]
        if isinstance(engagement.get("purchaseAmount"), float):  # read again from the digits
            engagement["purchaseAmount"] = plain(judged)["data"]["engagement"]["purchaseAmount"]
        assert plain(judged) == plain(contract)
        assert taken is None or plain(taken) == plain(judged)
    return taken is not None


def verdict(text: bytes) -> Event | None:
    try:
        return judge_by_contract(text)
    except InvalidEvent:
        return None


def plain(value: Any, key: str = "") -> Any:
    """Describe a decoded event, from either way, so that equal descriptions mean equal events."""
    if isinstance(value, msgspec.Struct):
        fields = {f.encode_name: getattr(value, f.name) for f in msgspec.structs.fields(value)}
        stage = getattr(value, "funnel_stage", None)
        return plain(fields | ({"funnelStage": stage} if stage else {}))
    if isinstance(value, dict):
        return {key: plain(inner, key) for key, inner in value.items()}
    if isinstance(value, datetime):
        return value.replace(tzinfo=None), value.utcoffset()
    if key == "purchaseAmount" and value is not None:
        return Decimal(value)
    return type(value), value


def bent(kind: int, way: str, tokens: Sequence[bytes]) -> Iterator[bytes]:
    """Change each place of an event in turn, with each token."""
    for place, _ in enumerate(places_in(tree_of(KINDS[kind]))):
        tree = tree_of(KINDS[kind])
        owner, index = list(places_in(tree))[place]
        bend(owner, index, way, b"@")
        yield from map(partial(text_of(tree).replace, b"@"), tokens)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS_WITH_TOKEN)
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_an_event_bent_anywhere_is_to_the_reader_what_it_is_to_the_contract(
    kind: int, way: str
) -> None:
    taken = [agree(text) for text in bent(kind, way, TOKENS if way != "rename" else KEYS + TOKENS)]

    assert any(taken)
    assert not all(taken)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_every_key_counts_and_their_order_does_not(kind: int) -> None:
    assert not any(agree(text) for text in bent(kind, "remove", [b""]))
    assert all(agree(text) for text in bent(kind, "move", [b""]))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(st.data())
def test_an_event_bent_in_many_places_is_the_same_to_both(data: st.DataObject) -> None:
    tree = tree_of(data.draw(st.sampled_from(KINDS)))
    for _ in range(data.draw(st.integers(0, 4))):
        owner, index = data.draw(st.sampled_from(list(places_in(tree))))
        bend(
            owner,
            index,
            data.draw(st.sampled_from(WAYS)),
            data.draw(st.sampled_from(TOKENS + KEYS)),
        )
    text = text_of(tree, data.draw(st.sampled_from([b"", b" ", b"\n\t\r "])))
    for place, byte in data.draw(DAMAGE).items():
        text = text[:place] + byte + text[place + 1 :]

    agree(text)


@given(st.floats(min_value=0, allow_infinity=False), st.integers(1, 40))
def test_a_number_is_the_same_to_both_however_many_digits_it_has(
    number: float, digits: int
) -> None:
    for text in (f"{number:.{digits}e}", f"{number:.{digits}f}", repr(number)):
        agree(raw_with(a_tiktok_event(engagement={"watchTime": "@"}), text))


def contract_not_asked(text: bytes) -> Event:
    pytest.fail(f"the contract was asked about {text!r}")


def test_events_of_the_publisher_are_read_without_asking_the_contract() -> None:
    dice = Random(1)

    for moment in moments(MILLISECONDS, 5000):
        text = generate(dice, moment).text
        assert judge(text.encode(), by_contract=contract_not_asked).event_id in text


@pytest.mark.parametrize("event", [*EVENTS.values(), *KINDS])
@pytest.mark.parametrize(
    "write",
    [
        raw,
        lambda event: json.dumps(event).encode(),
        lambda event: json.dumps(event, indent=4).encode(),
        lambda event: json.dumps(event, sort_keys=True).encode(),
        lambda event: json.dumps(event | {"extra": [{"deep": [1.5, None, "Анна"]}]}).encode(),
        lambda event: raw(event | {"extra": [{"deep": [1.5, None, "Анна"]}] * 20}),
        lambda event: raw(event).replace(b'Z"', b'+00:00"'),
    ],
)
def test_any_usual_way_to_write_an_event_is_read_without_asking(
    event: dict[str, Any], write: Callable[[Any], bytes]
) -> None:
    assert judge(write(event), by_contract=contract_not_asked).event_id == event["eventId"]


@pytest.mark.parametrize(
    "unusual",
    [
        raw(a_facebook_event(eventType="ad.click", engagement={"purchaseAmount": 1.5})),
        raw(a_facebook_event(timestamp="2024-01-01t12:00:00z")),
        raw(a_facebook_event(timestamp="2024-01-01T12:00:00.1234567890Z")),
        raw(a_facebook_event(extra="x" * 5000)),
    ],
)
def test_unusual_spellings_are_left_to_the_contract(unusual: bytes) -> None:
    asked: list[bytes] = []

    def ask(text: bytes) -> Event:
        asked.append(text)
        return judge_by_contract(text)

    assert judge(unusual, by_contract=ask).source == "facebook"
    assert asked == [unusual]
