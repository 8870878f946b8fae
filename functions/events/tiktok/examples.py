"""Example TikTok events of each stage, for the documents."""

from typing import Any, Final

_USER = {
    "userId": "0f7e1c52-6f5e-4b57-9a39-5b0b6a1f6f0e",
    "username": "sora.films",
    "followers": 50231,
}

TOP: Final[dict[str, Any]] = {
    "eventId": "ttk-1f0a86b2-0a44-45a5-b1a9-7f2f1b2c9d03",
    "timestamp": "2024-01-15T11:02:41.900+02:00",
    "source": "tiktok",
    "funnelStage": "top",
    "eventType": "video.view",
    "data": {
        "user": _USER,
        "engagement": {
            "watchTime": 61.3,
            "percentageWatched": 48,
            "device": "iOS",
            "country": "Japan",
            "videoId": "video-12",
        },
    },
}

BOTTOM: Final[dict[str, Any]] = {
    "eventId": "ttk-44c9e0d1-8a0b-4f7c-9be8-2b7c5a9e1f04",
    "timestamp": "2024-01-15T11:05:00.000+02:00",
    "source": "tiktok",
    "funnelStage": "bottom",
    "eventType": "purchase",
    "data": {
        "user": _USER,
        "engagement": {
            "actionTime": "2024-01-15T09:04:59.400Z",
            "profileId": None,
            "purchasedItem": "tripod",
            "purchaseAmount": "49.90",
        },
    },
}
