"""Decoded TikTok events."""

from typing import Annotated, Literal

from msgspec import Meta

from functions.events import MAX_FOLLOWERS, MAX_PERCENTAGE
from functions.events.shapes import Amount, EventShape, Shape
from functions.events.tiktok import BottomType, Device, TopType
from functions.events.timestamps import Moment


class TiktokUser(Shape):
    """The user of a TikTok event."""

    user_id: str
    username: str
    followers: Annotated[int, Meta(ge=0, le=MAX_FOLLOWERS)]


class TiktokTopEngagement(Shape):
    """The engagement of a TikTok event at the top of the funnel."""

    watch_time: Annotated[float, Meta(ge=0)]
    percentage_watched: Annotated[float, Meta(ge=0, le=MAX_PERCENTAGE)]
    device: Device
    country: str
    video_id: str


class TiktokBottomEngagement(Shape):
    """The engagement of a TikTok event at the bottom of the funnel."""

    action_time: Moment
    profile_id: str | None
    purchased_item: str | None
    purchase_amount: Amount | None


class TiktokTopData(Shape):
    """User and engagement of a TikTok event at the top of the funnel."""

    user: TiktokUser
    engagement: TiktokTopEngagement


class TiktokBottomData(Shape):
    """User and engagement of a TikTok event at the bottom of the funnel."""

    user: TiktokUser
    engagement: TiktokBottomEngagement


class TiktokTop(EventShape, tag="top"):
    """A TikTok event at the top of the funnel."""

    funnel_stage = "top"

    source: Literal["tiktok"]
    event_type: TopType
    data: TiktokTopData


class TiktokBottom(EventShape, tag="bottom"):
    """A TikTok event at the bottom of the funnel."""

    funnel_stage = "bottom"

    source: Literal["tiktok"]
    event_type: BottomType
    data: TiktokBottomData


TiktokEvent = TiktokTop | TiktokBottom
