"""The contract of Facebook events, as pydantic judges and OpenAPI describes it."""

from typing import Annotated, Literal

from annotated_types import Interval
from pydantic import Discriminator
from typing_extensions import TypedDict

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
from functions.events.values import Amount, DateTime, EventId, Timestamp, exact


@exact
class Location(TypedDict):
    """Where a Facebook user lives."""

    country: str
    city: str


@exact
class FacebookUser(TypedDict):
    """The user of a Facebook event."""

    userId: str
    name: str
    age: Annotated[int, Interval(ge=0, le=MAX_AGE)]
    gender: Gender
    location: Location


@exact
class FacebookTopEngagement(TypedDict):
    """The engagement of a Facebook event at the top of the funnel."""

    actionTime: DateTime
    referrer: Referrer
    videoId: str | None


@exact
class FacebookBottomEngagement(TypedDict):
    """The engagement of a Facebook event at the bottom of the funnel."""

    adId: str
    campaignId: str
    clickPosition: ClickPosition
    device: Device
    browser: Browser
    purchaseAmount: Amount | None


@exact
class FacebookTopData(TypedDict):
    """User and engagement of a Facebook event at the top of the funnel."""

    user: FacebookUser
    engagement: FacebookTopEngagement


@exact
class FacebookBottomData(TypedDict):
    """User and engagement of a Facebook event at the bottom of the funnel."""

    user: FacebookUser
    engagement: FacebookBottomEngagement


@exact
class FacebookTopEvent(TypedDict):
    """A Facebook event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["top"]
    eventType: TopType
    data: FacebookTopData


@exact
class FacebookBottomEvent(TypedDict):
    """A Facebook event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["bottom"]
    eventType: BottomType
    data: FacebookBottomData


FacebookEvent = Annotated[FacebookTopEvent | FacebookBottomEvent, Discriminator("funnelStage")]
