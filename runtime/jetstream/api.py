"""Requests to the broker's API, ``$JS.API``, for which its client has no method."""

import json
from collections.abc import Mapping
from typing import Any, Final

from nats.aio.client import Client
from nats.js.errors import APIError

_ANSWER_SECONDS: Final = 5.0
_NOT_FOUND: Final = 404


async def ask_broker(
    client: Client, api: str, question: Mapping[str, Any], timeout_seconds: float = _ANSWER_SECONDS
) -> dict[str, Any] | None:
    """Ask the broker's own API; None if it has no such object.

    Args:
        client: A connection that may ask.
        api: The endpoint, as in the subject after ``$JS.API.``.
        question: Sent as JSON.
        timeout_seconds: How long the broker has for its answer.

    Raises:
        APIError: It refused.
        nats.errors.Error: It does not answer.
    """
    try:
        return await demand(client, api, question, timeout_seconds)
    except APIError as error:
        if error.code == _NOT_FOUND:
            return None
        raise


async def demand(
    client: Client, api: str, question: Mapping[str, Any], timeout_seconds: float = _ANSWER_SECONDS
) -> dict[str, Any]:
    """Ask like ``ask_broker``, for something that the broker must have.

    Raises:
        APIError: It refused, or has no such thing.
        nats.errors.Error: It does not answer.
    """
    answer = await client.request(
        f"$JS.API.{api}", json.dumps(question).encode(), timeout=timeout_seconds
    )
    return checked(answer.data)


def checked(answer: bytes) -> dict[str, Any]:
    """Read an answer of the broker's API; an empty one says nothing.

    Raises:
        APIError: It is a refusal.
    """
    found: dict[str, Any] = json.loads(answer or b"{}")
    if "error" in found:
        raise APIError.from_error(found["error"])
    return found
