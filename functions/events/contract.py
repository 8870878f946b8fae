"""The contract: what an event must be, as pydantic judges and OpenAPI describes it."""

from typing import Annotated, Final, Literal

from annotated_types import Interval
from pydantic import AllowInfNan, ConfigDict, Discriminator, TypeAdapter, with_config
from typing_extensions import TypedDict

from functions.events import (
    MAX_AGE,
    MAX_PERCENTAGE,
    Browser,
    ClickPosition,
    FacebookBottomType,
    FacebookDevice,
    FacebookTopType,
    Gender,
    Referrer,
    TiktokBottomType,
    TiktokDevice,
    TiktokTopType,
)
from functions.events.values import Amount, Count, DateTime, EventId, Timestamp

_EXACT = with_config(ConfigDict(strict=True, extra="ignore"))
"""Values are never coerced; unknown keys are allowed, and the stored bytes keep them."""


@_EXACT
class Location(TypedDict):
    """Where a Facebook user lives."""

    country: str
    city: str


@_EXACT
class FacebookUser(TypedDict):
    """Who caused a Facebook event."""

    userId: str
    name: str
    age: Annotated[int, Interval(ge=0, le=MAX_AGE)]
    gender: Gender
    location: Location


@_EXACT
class FacebookTopEngagement(TypedDict):
    """What was seen or liked."""

    actionTime: DateTime
    referrer: Referrer
    videoId: str | None


@_EXACT
class FacebookBottomEngagement(TypedDict):
    """What was clicked or bought."""

    adId: str
    campaignId: str
    clickPosition: ClickPosition
    device: FacebookDevice
    browser: Browser
    purchaseAmount: Amount | None


@_EXACT
class FacebookTopData(TypedDict):
    """User and engagement of a Facebook event at the top of the funnel."""

    user: FacebookUser
    engagement: FacebookTopEngagement


@_EXACT
class FacebookBottomData(TypedDict):
    """User and engagement of a Facebook event at the bottom of the funnel."""

    user: FacebookUser
    engagement: FacebookBottomEngagement


@_EXACT
class FacebookTopEvent(TypedDict):
    """A Facebook event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["top"]
    eventType: FacebookTopType
    data: FacebookTopData


@_EXACT
class FacebookBottomEvent(TypedDict):
    """A Facebook event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["bottom"]
    eventType: FacebookBottomType
    data: FacebookBottomData


@_EXACT
class TiktokUser(TypedDict):
    """Who caused a TikTok event."""

    userId: str
    username: str
    followers: Count


@_EXACT
class TiktokTopEngagement(TypedDict):
    """What was watched, and on what."""

    watchTime: Annotated[float, Interval(ge=0), AllowInfNan(allow_inf_nan=False)]
    percentageWatched: Annotated[float, Interval(ge=0, le=MAX_PERCENTAGE)]
    device: TiktokDevice
    country: str
    videoId: str


@_EXACT
class TiktokBottomEngagement(TypedDict):
    """What was visited or bought."""

    actionTime: DateTime
    profileId: str | None
    purchasedItem: str | None
    purchaseAmount: Amount | None


@_EXACT
class TiktokTopData(TypedDict):
    """User and engagement of a TikTok event at the top of the funnel."""

    user: TiktokUser
    engagement: TiktokTopEngagement


@_EXACT
class TiktokBottomData(TypedDict):
    """User and engagement of a TikTok event at the bottom of the funnel."""

    user: TiktokUser
    engagement: TiktokBottomEngagement


@_EXACT
class TiktokTopEvent(TypedDict):
    """A TikTok event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["top"]
    eventType: TiktokTopType
    data: TiktokTopData


@_EXACT
class TiktokBottomEvent(TypedDict):
    """A TikTok event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["bottom"]
    eventType: TiktokBottomType
    data: TiktokBottomData


FacebookEvent = Annotated[FacebookTopEvent | FacebookBottomEvent, Discriminator("funnelStage")]
TiktokEvent = Annotated[TiktokTopEvent | TiktokBottomEvent, Discriminator("funnelStage")]
Event = Annotated[FacebookEvent | TiktokEvent, Discriminator("source")]

EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""The tagged union of all events."""
