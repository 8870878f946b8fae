"""Decoded events: what the structs of all sources share.

A source's are in its folder, each typed as strictly as the contract, so that
anything decoded as one is valid. An amount stays text, exact.
"""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from functions.events import MAX_EVENT_ID_CHARACTERS, FunnelStage, Source
from functions.events.timestamps import UtcMoment

EventId = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS)]
Amount = Annotated[str, Meta(pattern=r"\A[0-9]{1,12}(\.[0-9]{1,6})?\Z")]


class Shape(Struct, rename="camel", gc=False):
    """Decoded from camelCase keys, ignoring others; never in a cycle, so not tracked."""


class EventShape(Shape, tag_field="funnelStage"):
    """An event; a source's stage says more narrowly which source and types it takes."""

    funnel_stage: ClassVar[FunnelStage]

    event_id: EventId
    timestamp: UtcMoment
    source: Source
    event_type: str
