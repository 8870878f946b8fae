"""The contract: the rules for an event, for pydantic's validation and for OpenAPI."""

from typing import Annotated, Final

from pydantic import Discriminator, TypeAdapter

from functions.events.facebook.contract import FacebookEvent
from functions.events.tiktok.contract import TiktokEvent

Event = Annotated[FacebookEvent | TiktokEvent, Discriminator("source")]

EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""The tagged union of all events."""
