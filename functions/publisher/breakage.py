"""Ways of breaking an event, taken from the original publisher; some break nothing."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from functions.events import Source
from functions.publisher.draw import Generated, pick

Breakage = Callable[[dict[str, Any]], None]


def invalid_timestamp(event: dict[str, Any]) -> None:
    """Replace the timestamp with words."""
    event["timestamp"] = "invalid-timestamp"


def no_event_id(event: dict[str, Any]) -> None:
    """Remove the id."""
    del event["eventId"]


def no_user(event: dict[str, Any]) -> None:
    """Remove the user."""
    del event["data"]["user"]


def invalid_stage(event: dict[str, Any]) -> None:
    """Set an unknown stage."""
    event["funnelStage"] = "invalid-stage"


def listed_type(event: dict[str, Any]) -> None:
    """Set a list as the type."""
    event["eventType"] = ["unknown", "event"]


def no_name(event: dict[str, Any]) -> None:
    """Remove a Facebook user's name."""
    event["data"]["user"].pop("name", None)


def negative_action_time(event: dict[str, Any]) -> None:
    """Set a negative number as the time of the action."""
    event["data"]["engagement"]["actionTime"] = -1


def no_ad_id(event: dict[str, Any]) -> None:
    """Remove the ad that was clicked."""
    event["data"]["engagement"].pop("adId", None)


def alien_gender(event: dict[str, Any]) -> None:
    """Set a gender that Facebook does not know."""
    event["data"]["user"]["gender"] = "alien"


def no_username(event: dict[str, Any]) -> None:
    """Remove a TikTok user's name."""
    event["data"]["user"].pop("username", None)


def negative_watch_time(event: dict[str, Any]) -> None:
    """Set a negative watch time."""
    event["data"]["engagement"]["watchTime"] = -1


def worded_followers(event: dict[str, Any]) -> None:
    """Replace the number of followers with words."""
    event["data"]["user"]["followers"] = "not-a-number"


_ANY: Final = (invalid_timestamp, no_event_id, no_user, invalid_stage, listed_type)

BREAKAGES: Final[dict[Source, tuple[Breakage, ...]]] = {
    "facebook": (*_ANY, no_name, negative_action_time, no_ad_id, alien_gender),
    "tiktok": (*_ANY, no_username, negative_action_time, negative_watch_time, worded_followers),
}
"""By the source that each is meant for, which may differ from the event's."""


def break_event(event: Generated, dice: Random) -> str:
    """Apply one breakage to a valid event; the result may still be valid.

    A quarter of them is meant for the other source, so that four in five break
    something, as with the original.
    """
    aimed = dice.getrandbits(1)
    meant_for = event.counted.kind.source if aimed else pick(tuple(BREAKAGES), dice)
    fields = json.loads(event.text)
    pick(BREAKAGES[meant_for], dice)(fields)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
