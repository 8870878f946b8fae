"""TikTok events: their types and choices, contract, decoded shapes, rows and examples."""

from typing import Literal

TopType = Literal["video.view", "like", "share", "comment"]
BottomType = Literal["profile.visit", "purchase", "follow"]

Device = Literal["Android", "iOS", "Desktop"]
