"""Settled messages, kept on the broker for a while, so that a lost database can be replayed.

The collector keeps a message after its commit and before its acknowledgement. So at
every moment it is in its own stream, or kept, or both. The broker's own
``RePublish`` sends its copies after the publisher was answered, and only once: those
of the last moment before a crash are missing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError

from functions.errors import Unavailable
from functions.messages import Delivery
from runtime.bus.manifests import MESSAGE_ID, Headers
from runtime.jetstream.api import ask_broker
from runtime.jetstream.streams import KEPT, ensure_kept_stream, kept_subject
from runtime.settings import BrokerSettings
from runtime.telemetry.in_words import in_words
from runtime.telemetry.reasons import Reason

PUBLISHED_AT: Final = "Eps-Published-At"
SEQUENCE: Final = "Eps-Sequence"
"""When the broker first stored a kept message, and its sequence in its own stream."""

_OURS: Final = "Eps-"
_ANSWER_SECONDS: Final = 5.0

Keep = Callable[[Sequence[Msg]], Awaitable[None]]
"""Keeps settled messages; raises ``Unavailable`` when it can't now."""


class KeptMessages:
    """Publishes settled messages to the stream of kept messages.

    Args:
        jetstream: The broker.
        settings: The stream's settings, in case it was deleted.
    """

    def __init__(self, jetstream: JetStreamContext, settings: BrokerSettings) -> None:
        self._jetstream = jetstream
        self._settings = settings

    async def keep(self, messages: Sequence[Msg]) -> None:
        """Put messages on the broker's disk a second time; safe to repeat.

        Replayed ones are kept already, and skipped: a replay adds nothing for the next.

        Raises:
            Unavailable: Not all of them are known to be kept.
        """
        wanted = [each for each in messages if not _is_replayed(each.headers)]
        outcomes = await asyncio.gather(*map(self._keep, wanted), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, NoStreamResponseError):
                await self._make_stream()
            if isinstance(outcome, NatsError | TimeoutError):
                raise Unavailable(Reason.NOT_KEPT.of(in_words(outcome))) from outcome
            if isinstance(outcome, BaseException):
                raise outcome

    async def _keep(self, message: Msg) -> None:
        await self._jetstream.publish(
            kept_subject(message.subject),
            message.data,
            timeout=_ANSWER_SECONDS,
            headers=_headers_of(message),
        )

    async def _make_stream(self) -> None:
        """Make the stream again after it was deleted; the messages are redelivered."""
        try:
            await ensure_kept_stream(self._jetstream, self._settings, may_change=False)
        except (NatsError, TimeoutError) as error:
            raise Unavailable(Reason.NOT_KEPT.of(in_words(error))) from error


def _headers_of(message: Msg) -> dict[str, str]:
    """Copy our own headers: NATS's describe what its publish expected of the stream."""
    metadata, known = message.metadata, message.headers or {}
    headers = {name: text for name, text in known.items() if name.startswith(_OURS)}
    if message_id := known.get(MESSAGE_ID):
        headers[MESSAGE_ID] = message_id
    headers[PUBLISHED_AT] = metadata.timestamp.isoformat()
    headers[SEQUENCE] = str(metadata.sequence.stream)
    return headers


def replayed_delivery(headers: Headers, times: int) -> Delivery | None:
    """Return how a replayed message first came; None for one that is not replayed.

    Args:
        headers: The message's.
        times: How often it was delivered now.
    """
    known = headers or {}
    try:
        published_at = datetime.fromisoformat(known[PUBLISHED_AT])
        return Delivery(published_at, int(known[SEQUENCE]), times, is_replayed=True)
    except (KeyError, ValueError):
        return None


def _is_replayed(headers: Headers) -> bool:
    return PUBLISHED_AT in (headers or {})


@dataclass(frozen=True, slots=True)
class Window:
    """The settled messages that the broker keeps.

    Attributes:
        first_sequence: Of the first message that is kept; one beyond the last for none.
        last_sequence: Of the last that was ever kept.
        since: Everything settled from then on is kept.
        messages: How many are kept.
        bytes: Their size.
        max_bytes: The size limit: a full stream keeps them less long.
        wanted_seconds: How long each should be kept.
    """

    first_sequence: int
    last_sequence: int
    since: datetime
    messages: int
    bytes: int
    max_bytes: int
    wanted_seconds: float


async def read_window(client: Client) -> Window | None:
    """Ask for the kept messages; None if none ever were.

    Raises:
        APIError: The broker refused.
        nats.errors.Error: It does not answer.
    """
    info = await ask_broker(client, f"STREAM.INFO.{KEPT}", {})
    if info is None:
        return None
    state, config = info["state"], info["config"]
    # Deleted messages are older than the first that is kept; before the second, none was deleted.
    since = datetime.fromisoformat(state["first_ts"] if state["messages"] else state["last_ts"])
    created_at = datetime.fromisoformat(info["created"])
    if state["first_seq"] <= 1 and not (state["messages"] and since < created_at):
        since = created_at  # a restored stream is younger than its messages
    return Window(
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        since=since,
        messages=state["messages"],
        bytes=state["bytes"],
        max_bytes=config["max_bytes"],
        wanted_seconds=config["max_age"] / 1e9,
    )
