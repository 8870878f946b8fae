"""Decoded events: the structs that the rest of the system reads events as.

Each is typed as strictly as the contract, so that anything decoded as one is
valid. An amount stays text, exact.
"""

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, Struct

from functions.events import (
    MAX_AGE,
    MAX_EVENT_ID_CHARACTERS,
    MAX_FOLLOWERS,
    MAX_PERCENTAGE,
    Browser,
    ClickPosition,
    FacebookBottomType,
    FacebookDevice,
    FacebookTopType,
    FunnelStage,
    Gender,
    Referrer,
    TiktokBottomType,
    TiktokDevice,
    TiktokTopType,
)
from functions.events.timestamps import Moment, UtcMoment

EventId = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS)]
Amount = Annotated[str, Meta(pattern=r"\A[0-9]{1,12}(\.[0-9]{1,6})?\Z")]


class Shape(Struct, rename="camel", gc=False):
    """Decoded from camelCase keys, ignoring others; never in a cycle, so not tracked."""


class Location(Shape):
    """Where a Facebook user lives."""

    country: str
    city: str


class FacebookUser(Shape):
    """Who caused a Facebook event."""

    user_id: str
    name: str
    age: Annotated[int, Meta(ge=0, le=MAX_AGE)]
    gender: Gender
    location: Location


class FacebookTopEngagement(Shape):
    """What was seen or liked."""

    action_time: Moment
    referrer: Referrer
    video_id: str | None


class FacebookBottomEngagement(Shape):
    """What was clicked or bought."""

    ad_id: str
    campaign_id: str
    click_position: ClickPosition
    device: FacebookDevice
    browser: Browser
    purchase_amount: Amount | None


class FacebookTopData(Shape):
    """User and engagement of a Facebook event at the top of the funnel."""

    user: FacebookUser
    engagement: FacebookTopEngagement


class FacebookBottomData(Shape):
    """User and engagement of a Facebook event at the bottom of the funnel."""

    user: FacebookUser
    engagement: FacebookBottomEngagement


class _FacebookEvent(Shape, tag_field="funnelStage"):
    """A Facebook event."""

    funnel_stage: ClassVar[FunnelStage]

    event_id: EventId
    timestamp: UtcMoment
    source: Literal["facebook"]


class FacebookTop(_FacebookEvent, tag="top"):
    """A Facebook event at the top of the funnel."""

    funnel_stage = "top"

    event_type: FacebookTopType
    data: FacebookTopData


class FacebookBottom(_FacebookEvent, tag="bottom"):
    """A Facebook event at the bottom of the funnel."""

    funnel_stage = "bottom"

    event_type: FacebookBottomType
    data: FacebookBottomData


class TiktokUser(Shape):
    """Who caused a TikTok event."""

    user_id: str
    username: str
    followers: Annotated[int, Meta(ge=0, le=MAX_FOLLOWERS)]


class TiktokTopEngagement(Shape):
    """What was watched, and on what."""

    watch_time: Annotated[float, Meta(ge=0)]
    percentage_watched: Annotated[float, Meta(ge=0, le=MAX_PERCENTAGE)]
    device: TiktokDevice
    country: str
    video_id: str


class TiktokBottomEngagement(Shape):
    """What was visited or bought."""

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


class _TiktokEvent(Shape, tag_field="funnelStage"):
    """A TikTok event."""

    funnel_stage: ClassVar[FunnelStage]

    event_id: EventId
    timestamp: UtcMoment
    source: Literal["tiktok"]


class TiktokTop(_TiktokEvent, tag="top"):
    """A TikTok event at the top of the funnel."""

    funnel_stage = "top"

    event_type: TiktokTopType
    data: TiktokTopData


class TiktokBottom(_TiktokEvent, tag="bottom"):
    """A TikTok event at the bottom of the funnel."""

    funnel_stage = "bottom"

    event_type: TiktokBottomType
    data: TiktokBottomData


FacebookEvent = FacebookTop | FacebookBottom
TiktokEvent = TiktokTop | TiktokBottom
Event = FacebookEvent | TiktokEvent

FACEBOOK_SHAPES: Final[tuple[type[FacebookEvent], ...]] = (FacebookTop, FacebookBottom)
TIKTOK_SHAPES: Final[tuple[type[TiktokEvent], ...]] = (TiktokTop, TiktokBottom)
