"""The ways in which the original publisher breaks an event; some of them break nothing."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from functions.events import SOURCES, Source
from functions.publisher.draw import Generated, pick

Breakage = Callable[[dict[str, Any]], None]


def invalid_timestamp(event: dict[str, Any]) -> None:
    """Put words where the moment stands."""
    event["timestamp"] = "invalid-timestamp"


def no_event_id(event: dict[str, Any]) -> None:
    """Leave the id out."""
    del event["eventId"]


def no_user(event: dict[str, Any]) -> None:
    """Leave out who it was."""
    del event["data"]["user"]


def invalid_stage(event: dict[str, Any]) -> None:
    """Name a stage that there is not."""
    event["funnelStage"] = "invalid-stage"


def listed_type(event: dict[str, Any]) -> None:
    """Give a list for the type."""
    event["eventType"] = ["unknown", "event"]


def no_name(event: dict[str, Any]) -> None:
    """Leave out the name of a Facebook user."""
    event["data"]["user"].pop("name", None)


def negative_action_time(event: dict[str, Any]) -> None:
    """Give a negative number for the moment of the action."""
    event["data"]["engagement"]["actionTime"] = -1


def no_ad_id(event: dict[str, Any]) -> None:
    """Leave out the ad that was clicked."""
    event["data"]["engagement"].pop("adId", None)


def alien_gender(event: dict[str, Any]) -> None:
    """Name a gender that Facebook does not know."""
    event["data"]["user"]["gender"] = "alien"


def no_username(event: dict[str, Any]) -> None:
    """Leave out the name of a TikTok user."""
    event["data"]["user"].pop("username", None)


def negative_watch_time(event: dict[str, Any]) -> None:
    """Let somebody watch for less than no time."""
    event["data"]["engagement"]["watchTime"] = -1


def worded_followers(event: dict[str, Any]) -> None:
    """Put words where the followers are counted."""
    event["data"]["user"]["followers"] = "not-a-number"


_ANY: Final = (invalid_timestamp, no_event_id, no_user, invalid_stage, listed_type)

BREAKAGES: Final[dict[Source, tuple[Breakage, ...]]] = {
    "facebook": (*_ANY, no_name, negative_action_time, no_ad_id, alien_gender),
    "tiktok": (*_ANY, no_username, negative_action_time, negative_watch_time, worded_followers),
}
"""By the source that each is meant for, which need not be the source of the event."""


def break_event(event: Generated, dice: Random) -> str:
    """Apply one breakage to a valid event; the result may well be valid.

    A quarter of them is meant for the other source, so that four in five break
    something, as with the original.
    """
    aimed = dice.getrandbits(1)
    meant_for = event.counted.kind.source if aimed else pick(SOURCES, dice)
    fields = json.loads(event.text)
    pick(BREAKAGES[meant_for], dice)(fields)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
