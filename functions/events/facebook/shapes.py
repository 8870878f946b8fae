"""Decoded Facebook events."""

from typing import Annotated, Literal

from msgspec import Meta

from functions.events import MAX_AGE
from functions.events.facebook import (
    BottomType,
    Browser,
    ClickPosition,
    Device,
    Gender,
    Referrer,
    TopType,
)
from functions.events.shapes import Amount, EventShape, Shape
from functions.events.timestamps import Moment


class Location(Shape):
    """Where a Facebook user lives."""

    country: str
    city: str


class FacebookUser(Shape):
    """The user of a Facebook event."""

    user_id: str
    name: str
    age: Annotated[int, Meta(ge=0, le=MAX_AGE)]
    gender: Gender
    location: Location


class FacebookTopEngagement(Shape):
    """The engagement of a Facebook event at the top of the funnel."""

    action_time: Moment
    referrer: Referrer
    video_id: str | None


class FacebookBottomEngagement(Shape):
    """The engagement of a Facebook event at the bottom of the funnel."""

    ad_id: str
    campaign_id: str
    click_position: ClickPosition
    device: Device
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


class FacebookTop(EventShape, tag="top"):
    """A Facebook event at the top of the funnel."""

    funnel_stage = "top"

    source: Literal["facebook"]
    event_type: TopType
    data: FacebookTopData


class FacebookBottom(EventShape, tag="bottom"):
    """A Facebook event at the bottom of the funnel."""

    funnel_stage = "bottom"

    source: Literal["facebook"]
    event_type: BottomType
    data: FacebookBottomData


FacebookEvent = FacebookTop | FacebookBottom
