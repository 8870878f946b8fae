"""The vocabulary of events: sources, funnel stages, types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from functions.events import facebook, tiktok

Source = Literal["facebook", "tiktok"]
FunnelStage = Literal["top", "bottom"]
EventType = facebook.TopType | facebook.BottomType | tiktok.TopType | tiktok.BottomType
RevenueType = Literal["checkout.complete", "purchase"]

SOURCES: Final[tuple[Source, ...]] = get_args(Source)
FUNNEL_STAGES: Final[tuple[FunnelStage, ...]] = get_args(FunnelStage)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of a source.

    Attributes:
        top: The types of its events at the top of the funnel, a ``Literal``.
        bottom: Those at the bottom.
        revenue_type: The one type whose amount is revenue.
        collector: The function that stores its events.
    """

    top: Any
    bottom: Any
    revenue_type: str
    collector: str


VOCABULARIES: Final[Mapping[Source, Vocabulary]] = {
    "facebook": Vocabulary(
        facebook.TopType, facebook.BottomType, "checkout.complete", "fb-collector"
    ),
    "tiktok": Vocabulary(tiktok.TopType, tiktok.BottomType, "purchase", "ttk-collector"),
}
"""Every source, a row each; ``functions.events.sources`` has what its events are read as."""

EVENT_TYPES: Final[Mapping[tuple[Source, FunnelStage], tuple[str, ...]]] = {
    (source, stage): get_args(getattr(names, stage))
    for source, names in VOCABULARIES.items()
    for stage in FUNNEL_STAGES
}
"""Every kind of event: the types by source and stage."""

REVENUE_TYPES: Final[Mapping[Source, str]] = {
    source: names.revenue_type for source, names in VOCABULARIES.items()
}
"""The one type of each source whose amount is revenue."""

UNSPECIFIED: Final = "unspecified"
"""The currency of the native format, which names none."""

MAX_EVENT_ID_CHARACTERS: Final = 200
MAX_AGE: Final = 150
MAX_PERCENTAGE: Final = 100
MAX_FOLLOWERS: Final = 2**63 - 1
"""The largest bigint of PostgreSQL, which stores them."""
