import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from functions.events.judging import InvalidEvent, judge
from functions.publisher.breakage import BREAKAGES, Breakage, break_event
from functions.publisher.generate import generate

FACEBOOK = {("facebook", "top"), ("facebook", "bottom")}
TIKTOK = {("tiktok", "top"), ("tiktok", "bottom")}

STAGES_BROKEN_BY = {
    "invalid_timestamp": FACEBOOK | TIKTOK,
    "no_event_id": FACEBOOK | TIKTOK,
    "no_user": FACEBOOK | TIKTOK,
    "invalid_stage": FACEBOOK | TIKTOK,
    "listed_type": FACEBOOK | TIKTOK,
    "no_name": FACEBOOK,
    "negative_action_time": {("facebook", "top"), ("tiktok", "bottom")},
    "no_ad_id": {("facebook", "bottom")},
    "alien_gender": FACEBOOK,
    "no_username": TIKTOK,
    "negative_watch_time": {("tiktok", "top")},
    "worded_followers": TIKTOK,
}

ALL: dict[str, Breakage] = {
    breakage.__name__: breakage for meant in BREAKAGES.values() for breakage in meant
}


def events() -> Iterator[dict[str, Any]]:
    dice = Random(1)
    for _ in range(60):
        yield json.loads(generate(dice, "2024-01-01T00:00:00.000Z").text)


def is_valid(text: str) -> bool:
    try:
        judge(text.encode())
    except InvalidEvent:
        return False
    return True


def test_every_breakage_of_the_original_is_there() -> None:
    assert ALL.keys() == STAGES_BROKEN_BY.keys()


@pytest.mark.parametrize("name", STAGES_BROKEN_BY)
def test_a_breakage_breaks_what_it_is_meant_for_and_nothing_else(name: str) -> None:
    broken: set[tuple[str, str]] = set()
    unharmed: set[tuple[str, str]] = set()
    for event in events():
        stage = event["source"], event["funnelStage"]
        ALL[name](event)
        (unharmed if is_valid(json.dumps(event)) else broken).add(stage)

    assert broken == STAGES_BROKEN_BY[name]
    assert unharmed == (FACEBOOK | TIKTOK) - STAGES_BROKEN_BY[name]


def test_about_eight_in_ten_broken_events_are_invalid() -> None:
    dice = Random(1)
    texts = [break_event(generate(dice, "2024-01-01T00:00:00Z"), dice) for _ in range(4000)]

    assert sum(map(is_valid, texts)) / len(texts) == pytest.approx(0.18, abs=0.03)
