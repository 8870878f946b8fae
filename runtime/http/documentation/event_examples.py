"""Example events of each source and stage, and the receipt of a request with an invalid one."""

from typing import Any, Final

import msgspec

from functions.errors import Fault
from functions.events.judging import InvalidEvent, judge
from functions.gateway.handler import Receipt, Rejection
from runtime.http.documentation.responses import CORRELATION_ID, example_of
from runtime.http.responses import answer_receipt

_FACEBOOK_USER = {
    "userId": "b1a7c1a4-92c2-4a0f-8f0d-2f0c9d5d7a11",
    "name": "Olena Kovalenko",
    "age": 34,
    "gender": "female",
    "location": {"country": "Ukraine", "city": "Kyiv"},
}
_TIKTOK_USER = {
    "userId": "0f7e1c52-6f5e-4b57-9a39-5b0b6a1f6f0e",
    "username": "sora.films",
    "followers": 50231,
}

EVENTS: Final[dict[str, dict[str, Any]]] = {
    "facebookTop": {
        "eventId": "fb-5b6f2f0e-3a7e-4a51-9d59-0a3c6a2f6b01",
        "timestamp": "2024-01-15T09:30:00.250Z",
        "source": "facebook",
        "funnelStage": "top",
        "eventType": "video.view",
        "data": {
            "user": _FACEBOOK_USER,
            "engagement": {
                "actionTime": "2024-01-15T09:29:58.100Z",
                "referrer": "newsfeed",
                "videoId": "video-7",
            },
        },
    },
    "facebookBottom": {
        "eventId": "fb-9c1d3b7a-6f7e-4f0c-8a55-63a8f4c1de02",
        "timestamp": "2024-01-15T09:31:07.000Z",
        "source": "facebook",
        "funnelStage": "bottom",
        "eventType": "checkout.complete",
        "data": {
            "user": _FACEBOOK_USER,
            "engagement": {
                "adId": "ad-8fK2mQzA",
                "campaignId": "camp-5fCRI",
                "clickPosition": "center",
                "device": "mobile",
                "browser": "Firefox",
                "purchaseAmount": "774.19",
            },
        },
    },
    "tiktokTop": {
        "eventId": "ttk-1f0a86b2-0a44-45a5-b1a9-7f2f1b2c9d03",
        "timestamp": "2024-01-15T11:02:41.900+02:00",
        "source": "tiktok",
        "funnelStage": "top",
        "eventType": "video.view",
        "data": {
            "user": _TIKTOK_USER,
            "engagement": {
                "watchTime": 61.3,
                "percentageWatched": 48,
                "device": "iOS",
                "country": "Japan",
                "videoId": "video-12",
            },
        },
    },
    "tiktokBottom": {
        "eventId": "ttk-44c9e0d1-8a0b-4f7c-9be8-2b7c5a9e1f04",
        "timestamp": "2024-01-15T11:05:00.000+02:00",
        "source": "tiktok",
        "funnelStage": "bottom",
        "eventType": "purchase",
        "data": {
            "user": _TIKTOK_USER,
            "engagement": {
                "actionTime": "2024-01-15T09:04:59.400Z",
                "profileId": None,
                "purchasedItem": "tripod",
                "purchaseAmount": "49.90",
            },
        },
    },
}

BROKEN: Final[dict[str, Any]] = {**EVENTS["tiktokTop"], "eventType": "purchase"}


def receipt_example(*, accepted: int, dry_run: bool = False) -> Any:
    """Return the answer to so many valid events followed by an invalid one."""
    receipt = Receipt(errors=[Rejection(accepted, BROKEN["eventId"], _fault_of_broken())])
    receipt.accepted["facebook"] = accepted
    receipt.rejected["tiktok"] = 1
    return example_of(answer_receipt(receipt, CORRELATION_ID, dry_run=dry_run))


def _fault_of_broken() -> Fault:
    try:
        judge(msgspec.json.encode(BROKEN))
    except InvalidEvent as invalid:
        return invalid.fault
    raise AssertionError("the broken event is valid")
