"""The contract of TikTok events, as pydantic judges and OpenAPI describes it."""

from typing import Annotated, Literal

from annotated_types import Interval
from pydantic import AllowInfNan, Discriminator
from typing_extensions import TypedDict

from functions.events import MAX_PERCENTAGE
from functions.events.tiktok import BottomType, Device, TopType
from functions.events.values import Amount, Count, DateTime, EventId, Timestamp, exact


@exact
class TiktokUser(TypedDict):
    """The user of a TikTok event."""

    userId: str
    username: str
    followers: Count


@exact
class TiktokTopEngagement(TypedDict):
    """The engagement of a TikTok event at the top of the funnel."""

    watchTime: Annotated[float, Interval(ge=0), AllowInfNan(allow_inf_nan=False)]
    percentageWatched: Annotated[float, Interval(ge=0, le=MAX_PERCENTAGE)]
    device: Device
    country: str
    videoId: str


@exact
class TiktokBottomEngagement(TypedDict):
    """The engagement of a TikTok event at the bottom of the funnel."""

    actionTime: DateTime
    profileId: str | None
    purchasedItem: str | None
    purchaseAmount: Amount | None


@exact
class TiktokTopData(TypedDict):
    """User and engagement of a TikTok event at the top of the funnel."""

    user: TiktokUser
    engagement: TiktokTopEngagement


@exact
class TiktokBottomData(TypedDict):
    """User and engagement of a TikTok event at the bottom of the funnel."""

    user: TiktokUser
    engagement: TiktokBottomEngagement


@exact
class TiktokTopEvent(TypedDict):
    """A TikTok event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["top"]
    eventType: TopType
    data: TiktokTopData


@exact
class TiktokBottomEvent(TypedDict):
    """A TikTok event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["bottom"]
    eventType: BottomType
    data: TiktokBottomData


TiktokEvent = Annotated[TiktokTopEvent | TiktokBottomEvent, Discriminator("funnelStage")]
