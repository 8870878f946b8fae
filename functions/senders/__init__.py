"""Real senders: the platforms' own requests, each read by an adapter into canonical records."""

from typing import Final, Literal, get_args

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
