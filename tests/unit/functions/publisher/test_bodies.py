import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import pytest

from functions.events import EVENT_TYPES
from functions.events.judging import InvalidEvent, judge
from functions.publisher.generate import generate, moments
from functions.publisher.handler import Body, PublishingPlan, handle
from functions.publisher.recent import Recent
from functions.publisher.tally import Tally

STARTED_MS = 1_704_067_200_000
MOMENT = "2024-01-01T00:00:00.000Z"


def bodies(seed: int = 1, **fields: Any) -> Iterator[Body]:
    plan, recent, number = (
        PublishingPlan(**{"min_events": 10, "max_events": 20} | fields),
        Recent(),
        0,
    )
    while True:
        yield handle(number, seed=seed, started_ms=STARTED_MS, plan=plan, recent=recent)
        number += 1


def some_events(count: int) -> list[dict[str, Any]]:
    dice = Random(1)
    return [json.loads(generate(dice, MOMENT).text) for _ in range(count)]


def is_valid(event: Any) -> bool:
    try:
        judge(json.dumps(event).encode())
    except InvalidEvent:
        return False
    return True


def shares(values: list[Any]) -> dict[Any, float]:
    return {value: count / len(values) for value, count in Counter(values).items()}


def digest(seed: int) -> str:
    made = islice(bodies(seed, corrupt_probability=0.5, duplicate_probability=0.2), 50)
    return hashlib.sha256(b"\n".join(body.content for body in made)).hexdigest()


def test_every_generated_event_is_valid_and_counted_as_what_it_is() -> None:
    dice = Random(1)
    for _ in range(3000):
        text, (kind, cents) = generate(dice, MOMENT)
        event = judge(text.encode())
        assert kind == (event.source, event.funnel_stage, event.event_type)
        amount = getattr(event.data.engagement, "purchase_amount", None)
        assert cents == (0 if amount is None else Decimal(amount) * 100)


def test_sources_and_stages_are_alike_often_and_types_alike_in_their_stage() -> None:
    events = some_events(20_000)

    kinds = shares([(e["source"], e["funnelStage"], e["eventType"]) for e in events])

    expected = {
        (source, stage, event_type): 0.25 / len(types)
        for (source, stage), types in EVENT_TYPES.items()
        for event_type in types
    }
    assert kinds == pytest.approx(expected, abs=0.01)


def test_values_span_the_ranges_of_the_original() -> None:
    events = some_events(30_000)
    facebook = [e["data"]["user"] for e in events if e["source"] == "facebook"]
    tiktok = [e["data"] for e in events if e["source"] == "tiktok"]
    watched = [data["engagement"] for data in tiktok if "watchTime" in data["engagement"]]

    assert {user["age"] for user in facebook} == set(range(18, 66))
    assert 240 <= len({user["location"]["country"] for user in facebook}) <= 260
    assert len({user["location"]["city"] for user in facebook}) > 0.99 * len(facebook)
    assert {e["watchTime"] for e in watched} == set(range(1, 301))
    assert {e["percentageWatched"] for e in watched} == set(range(101))
    followers = [data["user"]["followers"] for data in tiktok]
    assert 0 <= min(followers) < 1000
    assert 999_000 < max(followers) <= 1_000_000


@pytest.mark.parametrize(
    ("source", "event_type", "least", "most"),
    [("facebook", "checkout.complete", 10, 1000), ("tiktok", "purchase", 5, 500)],
)
def test_amounts_have_two_decimals_and_stand_on_sales_only(
    source: str, event_type: str, least: int, most: int
) -> None:
    events = [e for e in some_events(30_000) if e["source"] == source]
    amounts = [
        (e["eventType"], amount)
        for e in events
        if (amount := e["data"]["engagement"].get("purchaseAmount")) is not None
    ]

    assert {name for name, _ in amounts} == {event_type}
    assert all(text[-3] == "." for _, text in amounts)
    assert least <= min(float(text) for _, text in amounts) < least * 1.1
    assert most * 0.99 < max(float(text) for _, text in amounts) <= most


@pytest.mark.parametrize(
    ("key", "source", "types"),
    [
        ("profileId", "tiktok", {"profile.visit"}),
        ("purchasedItem", "tiktok", {"purchase"}),
        ("videoId", "facebook", {"video.view"}),
    ],
)
def test_what_belongs_to_one_type_is_null_on_the_others(
    key: str, source: str, types: set[str]
) -> None:
    events = [e for e in some_events(2000) if e["source"] == source]

    having = {e["eventType"] for e in events if e["data"]["engagement"].get(key) is not None}

    assert having == types


def test_ids_are_of_their_platform_and_never_repeat() -> None:
    events = some_events(20_000)
    prefixes = {"facebook": "fb-", "tiktok": "ttk-"}

    assert all(e["eventId"].startswith(prefixes[e["source"]]) for e in events)
    assert len({e["eventId"] for e in events}) == 20_000
    assert len({e["data"]["user"]["userId"] for e in events}) == 20_000


def test_an_event_is_as_long_as_the_originals() -> None:
    dice = Random(1)
    texts = [generate(dice, MOMENT).text for _ in range(5000)]

    assert len("".join(texts).encode()) / len(texts) == pytest.approx(425, abs=10)


def test_moments_are_spread_over_a_second_in_order() -> None:
    assert list(moments(STARTED_MS + 999, 2)) == [
        "2024-01-01T00:00:00.999Z",
        "2024-01-01T00:00:01.499Z",
    ]
    many = list(moments(STARTED_MS, 5000))
    assert many == sorted(many)
    assert len(set(many)) == 1000


def test_an_array_has_between_min_and_max_events() -> None:
    lengths = {len(json.loads(body.content)) for body in islice(bodies(), 300)}

    assert lengths == set(range(10, 21))


def test_single_makes_objects_of_which_some_are_broken() -> None:
    made = list(islice(bodies(single=True, corrupt_probability=0.5), 300))
    events = [json.loads(body.content) for body in made]

    assert all(isinstance(event, dict) for event in events)
    assert [body.manifest.invalid == 0 for body in made] == [is_valid(event) for event in events]
    assert 80 <= sum(body.manifest.invalid for body in made) <= 160


def test_empty_arrays_are_never_broken() -> None:
    made = list(islice(bodies(min_events=0, max_events=0, corrupt_probability=1), 3))

    assert [body.content for body in made] == [b"[]"] * 3


def test_only_the_last_element_is_broken_and_only_as_often_as_asked() -> None:
    made = list(islice(bodies(corrupt_probability=0.1), 2000))
    faulty = [
        [index - len(events) for index, event in enumerate(events) if not is_valid(event)]
        for events in (json.loads(body.content) for body in made)
    ]

    assert {tuple(indexes) for indexes in faulty} == {(), (-1,)}
    assert len(list(filter(None, faulty))) == pytest.approx(160, abs=50)
    assert [len(indexes) for indexes in faulty] == [body.manifest.invalid for body in made]


def test_repeats_are_byte_for_byte_of_this_request_and_of_earlier_ones() -> None:
    made = islice(bodies(corrupt_probability=0, duplicate_probability=0.3), 200)
    seen: dict[str, Any] = {}
    repeats, of_this_request = Counter[int](), 0
    expected = 0
    for number, body in enumerate(made):
        expected += body.manifest.duplicates
        before = set(seen)
        for event in json.loads(body.content):
            if event["eventId"] in seen:
                assert event == seen[event["eventId"]]
                repeats[number] += 1
                of_this_request += event["eventId"] not in before
            seen[event["eventId"]] = event

    assert repeats.total() == expected
    assert repeats.total() == pytest.approx(200 * 15 * 0.3, rel=0.1)
    assert 0 < of_this_request < repeats.total()


def test_events_are_repeated_long_after_the_sample_is_full() -> None:
    made = list(islice(bodies(min_events=5000, max_events=5000, duplicate_probability=0.1), 12))
    first_seen: dict[str, int] = {}
    distances = Counter[int]()
    for number, body in enumerate(made):
        assert all(key >= body.manifest.oldest_shared for key in body.manifest.shared)
        for event in filter(is_identified, json.loads(body.content)):
            distances[number - first_seen.setdefault(event["eventId"], number)] += 1

    assert made[-1].manifest.oldest_shared > 0
    assert distances[1] > 0
    assert distances[8] > 0


def is_identified(event: dict[str, Any]) -> bool:
    return "eventId" in event


def test_the_manifest_counts_the_distinct_events_of_a_body() -> None:
    for body in islice(bodies(corrupt_probability=0.5, duplicate_probability=0.3), 100):
        valid = [event for event in json.loads(body.content) if is_valid(event)]
        tally = Tally()
        tally.merge(body.manifest.own)
        for counted in body.manifest.shared.values():
            tally.add(counted)

        distinct = {e["eventId"]: e for e in valid}
        kinds = Counter((e["source"], e["funnelStage"], e["eventType"]) for e in distinct.values())
        assert tally.counts == kinds
        assert body.manifest.events - body.manifest.invalid == len(valid)


def test_the_same_seed_makes_the_same_bytes_in_any_process() -> None:
    script = "from tests.unit.functions.publisher.test_bodies import digest; print(digest(7))"
    environment = os.environ | {"PYTHONHASHSEED": "99", "PYTHONPATH": os.pathsep.join(sys.path)}

    elsewhere = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, text=True
    )

    assert elsewhere.stdout.strip() == digest(7)


def test_another_seed_makes_other_bytes() -> None:
    assert digest(7) != digest(8)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_events": -1},
        {"min_events": 2, "max_events": 1},
        {"corrupt_probability": 1.1},
        {"duplicate_probability": float("nan")},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        PublishingPlan(**fields)
