"""``docs/events.md`` agrees with the contract."""

import re
from typing import get_args

import pytest

from functions import events
from functions.events.judging import judge
from tests.unit.compose_files import ROOT

DOCUMENT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_valid(example: str) -> None:
    judge(example.encode())


def test_there_is_an_example_of_each_source_and_stage() -> None:
    judged = [judge(example.encode()) for example in EXAMPLES]

    assert {(it.source, it.funnel_stage) for it in judged} == set(events.EVENT_TYPES)


def test_every_event_type_is_named_with_its_source_and_stage() -> None:
    rows = {
        f"| `{source}` | `{stage}` | {' '.join(f'`{name}`' for name in types)} |"
        for (source, stage), types in events.EVENT_TYPES.items()
    }

    assert rows <= set(DOCUMENT.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        events.facebook.Gender,
        events.facebook.Referrer,
        events.facebook.ClickPosition,
        events.facebook.Device,
        events.facebook.Browser,
        events.tiktok.Device,
    ],
)
def test_every_word_of_a_choice_is_named(words: object) -> None:
    assert [word for word in get_args(words) if f'`"{word}"`' not in DOCUMENT] == []
