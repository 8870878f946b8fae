"""Example Facebook events of each stage, for the documents."""

from typing import Any, Final

_USER = {
    "userId": "b1a7c1a4-92c2-4a0f-8f0d-2f0c9d5d7a11",
    "name": "Olena Kovalenko",
    "age": 34,
    "gender": "female",
    "location": {"country": "Ukraine", "city": "Kyiv"},
}

TOP: Final[dict[str, Any]] = {
    "eventId": "fb-5b6f2f0e-3a7e-4a51-9d59-0a3c6a2f6b01",
    "timestamp": "2024-01-15T09:30:00.250Z",
    "source": "facebook",
    "funnelStage": "top",
    "eventType": "video.view",
    "data": {
        "user": _USER,
        "engagement": {
            "actionTime": "2024-01-15T09:29:58.100Z",
            "referrer": "newsfeed",
            "videoId": "video-7",
        },
    },
}

BOTTOM: Final[dict[str, Any]] = {
    "eventId": "fb-9c1d3b7a-6f7e-4f0c-8a55-63a8f4c1de02",
    "timestamp": "2024-01-15T09:31:07.000Z",
    "source": "facebook",
    "funnelStage": "bottom",
    "eventType": "checkout.complete",
    "data": {
        "user": _USER,
        "engagement": {
            "adId": "ad-8fK2mQzA",
            "campaignId": "camp-5fCRI",
            "clickPosition": "center",
            "device": "mobile",
            "browser": "Firefox",
            "purchaseAmount": "774.19",
        },
    },
}
