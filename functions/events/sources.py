"""Every source, a row each: what its events are decoded as, and what becomes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from functions.events import FunnelStage, Source
from functions.events.facebook import examples as facebook
from functions.events.facebook.row import to_row as facebook_row
from functions.events.facebook.shapes import FacebookEvent
from functions.events.rows import EventRow
from functions.events.tiktok import examples as tiktok
from functions.events.tiktok.row import to_row as tiktok_row
from functions.events.tiktok.shapes import TiktokEvent
from functions.messages import AcceptedBatch

Event = FacebookEvent | TiktokEvent


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a source's events.

    Attributes:
        event: The structs that they are decoded as, a union.
        to_row: Makes the row of one from the event, its batch and its bytes.
        examples: One for each stage, for the documents.
    """

    event: Any
    to_row: Callable[[Any, AcceptedBatch, bytes], EventRow]
    examples: Mapping[FunnelStage, dict[str, Any]]

    @property
    def shapes(self) -> tuple[type[Event], ...]:
        """List the structs."""
        return get_args(self.event)


FORMS: Final[Mapping[Source, Form]] = {
    "facebook": Form(
        FacebookEvent,
        facebook_row,
        {"top": facebook.TOP, "bottom": facebook.BOTTOM},
    ),
    "tiktok": Form(TiktokEvent, tiktok_row, {"top": tiktok.TOP, "bottom": tiktok.BOTTOM}),
}
"""In the order of ``SOURCES``; the names of each are in ``functions.events.VOCABULARIES``."""
