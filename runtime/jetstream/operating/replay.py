"""Replay: messages settled since a time go back to their stream, and are settled again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from functions.errors import Unavailable
from runtime.bus.manifests import ENVELOPE_ID, MESSAGE_ID
from runtime.jetstream.api import ask_broker
from runtime.jetstream.connection import Broker
from runtime.jetstream.kept import read_window
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS, KEPT, original_subject

_GROUP_MESSAGES: Final = 64
_GROUP_BYTES: Final = 4 * 1024**2
"""How much is held and published at once, unless one message alone is larger."""

_WAITING_BYTES: Final = 32 * 1024**2
_WAITING_SHARE: Final = 4
"""How much may wait in a stream, in bytes and as a fraction of its limit, before more is
replayed into it: new events find room, and wait for seconds at most."""

_ANSWER_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 60.0
"""How long there may be no progress, because nothing is settled or the broker is down."""

Answer = TypeVar("Answer")

Told = Callable[[str], None]
"""Receives lines about the progress."""


class NotKept(Exception):
    """The requested messages are not kept, or not all of them; nothing was replayed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Kept messages to be replayed, by their sequences in the stream of kept messages."""

    first: int
    last: int

    @property
    def messages(self) -> int:
        """Their number."""
        return self.last + 1 - self.first


class _Waiting(NamedTuple):
    """A stream's backlog; both numbers change as it is settled.

    Attributes:
        room: How many bytes may wait before a replay adds to them.
    """

    first_sequence: int
    bytes: int
    room: int


async def settled_since(client: Client, moment: datetime) -> Span:
    """Find the messages settled from a time on, up to now.

    Raises:
        NotKept: Part of it is deleted, or nothing was ever kept.
        APIError: The broker refused.
    """
    window = await read_window(client)
    if window is None:
        raise NotKept("no settled messages are kept: KEEP_SETTLED_SECONDS is 0, or was until now")
    if moment < window.since:
        reach = window.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raise NotKept(
            f"messages settled before {reach} are deleted; to replay the rest, use --since {reach}"
        )
    wanted = {"start_time": moment.isoformat(), "next_by_subj": ">"}
    found = await ask_broker(client, f"STREAM.MSG.GET.{KEPT}", wanted)
    first = int(found["message"]["seq"]) if found else window.last_sequence + 1
    return Span(first, window.last_sequence)


async def replay(broker: Broker, span: Span, told: Told) -> int:
    """Publish kept messages again, each under an id made from its sequence.

    Their envelopes keep their own ids, so those that are settled in the database are
    skipped, and the others are settled as they were the first time. Safe to repeat,
    also after an interruption, and while others publish: it leaves room for them in
    each stream.

    Returns:
        How many were replayed: fewer than the span has if some were deleted
        before their turn.

    Raises:
        Unavailable: There was no progress for a minute; earlier messages are replayed.
        APIError: The broker refused.
    """
    most_bytes = min([_GROUP_BYTES, *(it.room for it in await _streams(broker.client))])
    done, group, size = 0, list[RawStreamMsg](), 0
    for sequence in range(span.first, span.last + 1):
        message = await _get(broker.jetstream, sequence)
        if message is not None:
            group.append(message)
            size += len(message.data or b"")
        if len(group) >= _GROUP_MESSAGES or size >= most_bytes or sequence == span.last:
            await _until_there_is_room(broker.client, told)
            await asyncio.gather(*(_publish(broker.jetstream, each) for each in group))
            done, group, size = done + len(group), [], 0
            told(f"{sequence + 1 - span.first:,} of {span.messages:,} messages")
    return done


async def _get(jetstream: JetStreamContext, sequence: int) -> RawStreamMsg | None:
    async def get() -> RawStreamMsg | None:
        try:
            return await jetstream.get_msg(KEPT, sequence)
        except NotFoundError:
            return None

    return await _patiently(get)


async def _publish(jetstream: JetStreamContext, message: RawStreamMsg) -> None:
    """Publish until acknowledged: under one id, a repeat adds no second message."""
    headers = _headers_of(message)
    subject = original_subject(message.subject or "")

    async def publish() -> None:
        await jetstream.publish(
            subject, message.data or b"", timeout=_ANSWER_SECONDS, headers=dict(headers)
        )

    await _patiently(publish)


def _headers_of(message: RawStreamMsg) -> Mapping[str, str]:
    headers = dict(message.headers or {})
    if envelope_id := headers.pop(MESSAGE_ID, None):
        headers[ENVELOPE_ID] = envelope_id
    return {**headers, MESSAGE_ID: f"replay-{message.seq}"}


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Retry a request for a minute while the broker is down, full or electing a leader."""
    give_up = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except (APIError, NatsTimeoutError, NoStreamResponseError, TimeoutError) as error:
            if asyncio.get_running_loop().time() > give_up:
                raise Unavailable(f"the broker accepts nothing: {error!r}") from error
        except NatsError as error:
            raise Unavailable(f"the broker can't be reached: {error!r}") from error
        await asyncio.sleep(_POLL_SECONDS)


async def _until_there_is_room(client: Client, told: Told) -> None:
    """Wait until the backlogs in the streams are small.

    Raises:
        Unavailable: Nothing was settled for a minute.
    """
    loop = asyncio.get_running_loop()
    moved_at, seen = loop.time(), None
    while (waiting := await _waiting(client)) is not None:
        if waiting != seen:
            moved_at, seen = loop.time(), waiting
        if loop.time() > moved_at + _PATIENCE_SECONDS:
            raise Unavailable("the replayed messages are not settled: are the collectors running?")
        told("waiting for the collectors")
        await asyncio.sleep(_POLL_SECONDS)


async def _waiting(client: Client) -> Sequence[_Waiting] | None:
    """Return the streams' backlog; None while there is room in both."""
    streams = await _streams(client)
    return None if all(it.bytes <= it.room for it in streams) else streams


async def _streams(client: Client) -> Sequence[_Waiting]:
    asked = [await ask_broker(client, f"STREAM.INFO.{it}", {}) for it in (EVENTS, DEAD_LETTERS)]
    return [
        _Waiting(it["state"]["first_seq"], it["state"]["bytes"], _room(it["config"]["max_bytes"]))
        for it in asked
        if it is not None
    ]


def _room(max_bytes: int) -> int:
    return min(_WAITING_BYTES, max_bytes // _WAITING_SHARE) if max_bytes > 0 else _WAITING_BYTES
