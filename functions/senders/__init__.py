"""Real senders: the platforms' own requests, each read by an adapter into canonical records."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from functions.events import EVENT_TYPES, FunnelStage, Source

Channel = Literal[
    "native",
    "meta.conversions",
    "meta.webhook",
    "tiktok.events",
    "tiktok.webhook",
    "tiktok.shop",
]
"""How an event came: in the native format, or by which interface of a platform."""

CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)

CUSTOM: Final = "custom"
"""The type of an event that has no other; its ``event_name`` is the sender's."""

STANDARD_TYPES: Final[Mapping[FunnelStage, tuple[str, ...]]] = {
    "top": ("page.view", "content.view", "search"),
    "bottom": (
        "wishlist.add",
        "cart.add",
        "checkout.start",
        "payment.info",
        "registration.complete",
        "contact",
        "subscribe",
        "trial.start",
        "application.submit",
        "appointment",
        "donation",
        "location.find",
        "product.customize",
        "order.place",
        "download",
        "button.click",
        CUSTOM,
    ),
}
"""Types beside the native ones, of every source, by the stage they belong to."""

KINDS: Final[Mapping[tuple[Source, FunnelStage], tuple[str, ...]]] = {
    (source, stage): (*types, *STANDARD_TYPES[stage])
    for (source, stage), types in EVENT_TYPES.items()
}
"""All types that an event of any channel may have, by source and stage; the native ones first."""
