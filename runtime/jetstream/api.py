"""Requests to the broker's API, ``$JS.API``, for which its client has no method."""

import json
from collections.abc import Mapping
from typing import Any, Final

from nats.aio.client import Client
from nats.js.errors import APIError

_ANSWER_SECONDS: Final = 5.0
_NOT_FOUND: Final = 404


async def ask_broker(
    client: Client, api: str, question: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Ask the broker's own API; None if it has no such object.

    Args:
        client: A connection that may ask.
        api: The endpoint, as in the subject after ``$JS.API.``.
        question: Sent as JSON.

    Raises:
        APIError: It refused.
        nats.errors.Error: It does not answer.
    """
    answer = await client.request(
        f"$JS.API.{api}", json.dumps(question).encode(), timeout=_ANSWER_SECONDS
    )
    found: dict[str, Any] = json.loads(answer.data)
    if "error" not in found:
        return found
    if found["error"].get("code") == _NOT_FOUND:
        return None
    raise APIError.from_error(found["error"])
