"""Send events by the platforms' own SDKs; runs in their environment, which has nothing of ours.

Takes a URL, a key, and on standard input a JSON array of events, each ``[platform, fields]``.
Writes a JSON array of answers: the body, or the status and the body of an error.
"""

import json
import sys
from typing import Any

from business_api_client import (  # type: ignore[import-not-found]
    ApiClient,
    Configuration,
    EventCallbackApi,
)
from business_api_client.models import (  # type: ignore[import-not-found]
    PixelbatchBatch,
    PixelBatchBody,
    PixelContext,
    PixelContextUser,
    PixelProperties,
    PixelTrackBody,
)
from business_api_client.rest import ApiException  # type: ignore[import-not-found]
from facebook_business.adobjects.serverside.custom_data import (  # type: ignore[import-not-found]
    CustomData,
)
from facebook_business.adobjects.serverside.event import Event  # type: ignore[import-not-found]
from facebook_business.adobjects.serverside.event_request import (  # type: ignore[import-not-found]
    EventRequest,
)
from facebook_business.adobjects.serverside.user_data import (  # type: ignore[import-not-found]
    UserData,
)
from facebook_business.api import FacebookAdsApi  # type: ignore[import-not-found]
from facebook_business.exceptions import FacebookRequestError  # type: ignore[import-not-found]
from facebook_business.session import FacebookSession  # type: ignore[import-not-found]

PIXEL = "CSAMPLEPIXEL0001"
DATASET = "1234567890123"


def to_meta(events: list[dict[str, Any]]) -> Any:
    """Send one call of Meta's Conversions API."""
    made = [
        Event(
            **{key: value for key, value in event.items() if key not in {"user", "custom"}},
            user_data=UserData(**event.get("user", {})),
            custom_data=CustomData(**event.get("custom", {})),
        )
        for event in events
    ]
    try:
        answer = EventRequest(pixel_id=DATASET, events=made).execute()
    except FacebookRequestError as error:
        return {"status": error.http_status(), "body": error.body()}
    return answer.to_dict()


def to_tiktok(key: str, events: list[dict[str, Any]]) -> Any:
    """Send one event by ``pixel/track/``, or several by ``pixel/batch/``."""
    made = [
        {
            **{key: value for key, value in event.items() if key not in {"user", "properties"}},
            "context": PixelContext(user=PixelContextUser(**event.get("user", {}))),
            "properties": PixelProperties(**event.get("properties", {})),
        }
        for event in events
    ]
    api = EventCallbackApi(ApiClient(CONFIGURATION))
    try:
        if len(made) == 1:
            return api.pixel_track(key, body=PixelTrackBody(pixel_code=PIXEL, **made[0]))
        batch = [PixelbatchBatch(type="track", **event) for event in made]
        return api.pixel_batch(key, body=PixelBatchBody(pixel_code=PIXEL, batch=batch))
    except ApiException as error:
        return {"status": error.status, "body": json.loads(error.body)}


CONFIGURATION = Configuration()


def main(url: str, key: str) -> None:
    """Send what standard input says, in order."""
    FacebookSession.GRAPH = url
    FacebookAdsApi.init(access_token=key, crash_log=False)
    CONFIGURATION.host = url
    answers = []
    for platform, events in json.load(sys.stdin):
        answers.append(to_meta(events) if platform == "meta" else to_tiktok(key, events))
    sys.stdout.write(json.dumps(answers))


main(*sys.argv[1:])
