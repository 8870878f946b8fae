"""The vocabulary of events: sources, funnel stages, types."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Source = Literal["facebook", "tiktok"]
FunnelStage = Literal["top", "bottom"]

SOURCES: Final[tuple[Source, ...]] = get_args(Source)
FUNNEL_STAGES: Final[tuple[FunnelStage, ...]] = get_args(FunnelStage)

FacebookTopType = Literal["ad.view", "page.like", "comment", "video.view"]
FacebookBottomType = Literal["ad.click", "form.submission", "checkout.complete"]
TiktokTopType = Literal["video.view", "like", "share", "comment"]
TiktokBottomType = Literal["profile.visit", "purchase", "follow"]

EVENT_TYPES: Final[Mapping[tuple[Source, FunnelStage], tuple[str, ...]]] = {
    ("facebook", "top"): get_args(FacebookTopType),
    ("facebook", "bottom"): get_args(FacebookBottomType),
    ("tiktok", "top"): get_args(TiktokTopType),
    ("tiktok", "bottom"): get_args(TiktokBottomType),
}
"""Every kind of event: the types by source and stage."""

REVENUE_TYPES: Final[Mapping[Source, str]] = {
    "facebook": "checkout.complete",
    "tiktok": "purchase",
}
"""The one type of each source whose amount is revenue."""

Gender = Literal["male", "female", "non-binary"]
Referrer = Literal["newsfeed", "marketplace", "groups"]
ClickPosition = Literal["top_left", "bottom_right", "center"]
FacebookDevice = Literal["mobile", "desktop"]
Browser = Literal["Chrome", "Firefox", "Safari"]
TiktokDevice = Literal["Android", "iOS", "Desktop"]

MAX_EVENT_ID_CHARACTERS: Final = 200
MAX_AGE: Final = 150
MAX_PERCENTAGE: Final = 100
MAX_FOLLOWERS: Final = 2**63 - 1
"""The largest bigint of PostgreSQL, which stores them."""
