"""Settled messages, kept on the broker for a while: what a lost database had can be replayed.

The collector keeps a message after its commit and before its acknowledgement.
So at every moment it is in its own stream, or kept, or both. The broker's own
``RePublish`` sends its copies after the publisher was told, and once: those of
the last moment before a crash are missing.
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
"""When the broker first took a kept message, and its place in its own stream."""

_OURS: Final = "Eps-"
_ANSWER_SECONDS: Final = 5.0

Keep = Callable[[Sequence[Msg]], Awaitable[None]]
"""Keeps messages that are settled; raises ``Unavailable`` when it can't now."""


async def keep_nothing(_: Sequence[Msg]) -> None:
    """Let settled messages go."""


class KeptMessages:
    """Puts settled messages into the stream of what is kept.

    Args:
        jetstream: The broker.
        settings: What that stream is like, for when somebody has deleted it.
    """

    def __init__(self, jetstream: JetStreamContext, settings: BrokerSettings) -> None:
        self._jetstream = jetstream
        self._settings = settings

    async def keep(self, messages: Sequence[Msg]) -> None:
        """Put messages on the broker's disk a second time; safe to repeat.

        Replayed ones are kept already, and left out: no replay makes more for
        the next.

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
        """Make the stream again that somebody has deleted; the messages come again."""
        try:
            await ensure_kept_stream(self._jetstream, self._settings, may_change=False)
        except (NatsError, TimeoutError) as error:
            raise Unavailable(Reason.NOT_KEPT.of(in_words(error))) from error


def _headers_of(message: Msg) -> dict[str, str]:
    """Take over our own headers: those of NATS say what its publish expected of the stream."""
    metadata, known = message.metadata, message.headers or {}
    headers = {name: text for name, text in known.items() if name.startswith(_OURS)}
    if message_id := known.get(MESSAGE_ID):
        headers[MESSAGE_ID] = message_id
    headers[PUBLISHED_AT] = metadata.timestamp.isoformat()
    headers[SEQUENCE] = str(metadata.sequence.stream)
    return headers


def replayed_delivery(headers: Headers, times: int) -> Delivery | None:
    """Tell how a replayed message came the first time; None for one that is not replayed.

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
    """What the broker keeps of what was settled.

    Attributes:
        first_sequence: Of the first message that is kept; one beyond the last for none.
        last_sequence: Of the last that was ever kept.
        since: All that was settled from then on is kept.
        messages: How many are kept.
        bytes: What they take.
        max_bytes: What they may take: a full stream keeps less long.
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
    """Ask what is kept; None where nothing ever was.

    Raises:
        APIError: The broker refused.
        nats.errors.Error: It does not answer.
    """
    info = await ask_broker(client, f"STREAM.INFO.{KEPT}", {})
    if info is None:
        return None
    state, config = info["state"], info["config"]
    # What is gone is older than the first that is there; nothing is gone before there was a second.
    since = datetime.fromisoformat(state["first_ts"] if state["messages"] else state["last_ts"])
    created_at = datetime.fromisoformat(info["created"])
    if state["first_seq"] <= 1 and not (state["messages"] and since < created_at):
        since = created_at  # a stream that was restored is younger than its messages
    return Window(
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        since=since,
        messages=state["messages"],
        bytes=state["bytes"],
        max_bytes=config["max_bytes"],
        wanted_seconds=config["max_age"] / 1e9,
    )
