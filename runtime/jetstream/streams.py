"""The streams and consumers, made or updated at every start."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError

from functions.events import Source
from runtime.catalogue import COLLECTORS, Function
from runtime.settings import BrokerSettings

EVENTS: Final = "EVENTS"
DEAD_LETTERS: Final = "DEAD_LETTERS"
KEPT: Final = "KEPT"
REJECTED: Final = "dead_letters.rejected"
SUMMARIES: Final = "events.rejected"
"""Subject of summaries of rejected events while ``DEAD_LETTERS`` is full: in the stream of
events, which they must not fill."""

_log = structlog.get_logger()

_KEPT = "kept"
"""Prefix of the subjects of kept messages."""

_AGAIN_SECONDS = 1.0
_NAME_IN_USE = 10058
_DUPLICATE_WINDOW_SECONDS = 120.0
"""How long the broker remembers the id of an envelope: longer than a publish is retried."""

_MAX_ACK_PENDING = 1000
"""Unacknowledged messages of all replicas together: more than they ever have."""


def subject_of(source: Source) -> str:
    """Return the subject of a source's events."""
    return f"events.{source}"


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable consumer; all replicas of a function share it.

    Attributes:
        stream: The stream it reads.
        name: Its durable name, the function's if that has only one.
        subject: The subject that it takes from the stream.
    """

    stream: str
    name: str
    subject: str


def _durable_of(collector: Function) -> Durable:
    if collector.events is None:
        return Durable(DEAD_LETTERS, collector.name, REJECTED)
    return Durable(EVENTS, collector.name, subject_of(collector.events.source))


DURABLES: Final[Mapping[str, Durable]] = {it.name: _durable_of(it) for it in COLLECTORS}
"""Each collector's durable consumer, by the function's name."""

SUMMARY_COLLECTOR: Final = Durable(EVENTS, "dead-letter-summaries", SUMMARIES)
CONSUMERS: Final = (*DURABLES.values(), SUMMARY_COLLECTOR)


async def ensure_streams(
    jetstream: JetStreamContext,
    settings: BrokerSettings,
    *,
    may_change: bool = True,
    first_sequence: int | None = None,
) -> None:
    """Make the streams, or give them the current settings. Safe from several processes at once.

    Args:
        jetstream: The broker.
        settings: The streams' settings.
        may_change: Whether existing streams get the settings as well; consumers
            leave that to publishers.
        first_sequence: The first sequence of missing streams; 1 if not given.
    """
    for stream in (
        _stream(EVENTS, "events.>", settings.events_stream_max_bytes, settings),
        _stream(DEAD_LETTERS, "dead_letters.>", settings.dead_letters_stream_max_bytes, settings),
    ):
        await _ensure_stream(jetstream, stream, first_sequence, may_change=may_change)
    if settings.keep_settled_seconds:
        await ensure_kept_stream(jetstream, settings, may_change=may_change)


async def ensure_kept_stream(
    jetstream: JetStreamContext, settings: BrokerSettings, *, may_change: bool
) -> None:
    """Make the stream of settled messages, or give it the current settings."""
    await _ensure_stream(jetstream, _kept_stream(settings), None, may_change=may_change)


def kept_subject(subject: str) -> str:
    """Return the subject under which a settled message is kept."""
    return f"{_KEPT}.{subject}"


def original_subject(kept: str) -> str:
    """Undo ``kept_subject``."""
    return kept.removeprefix(f"{_KEPT}.")


def _kept_stream(settings: BrokerSettings) -> api.StreamConfig:
    return api.StreamConfig(
        name=KEPT,
        subjects=[f"{_KEPT}.>"],
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.OLD,  # a full one keeps messages less long: nothing waits for it
        max_age=settings.keep_settled_seconds,
        max_bytes=settings.kept_stream_max_bytes,
        storage=api.StorageType.FILE,
        num_replicas=settings.stream_replicas,
        duplicate_window=min(_DUPLICATE_WINDOW_SECONDS, settings.keep_settled_seconds),
    )


def _stream(name: str, subjects: str, max_bytes: int, settings: BrokerSettings) -> api.StreamConfig:
    return api.StreamConfig(
        name=name,
        subjects=[subjects],
        retention=api.RetentionPolicy.WORK_QUEUE,
        discard=api.DiscardPolicy.NEW,  # a full stream refuses: no waiting message is deleted
        max_bytes=max_bytes,
        storage=api.StorageType.FILE,
        num_replicas=settings.stream_replicas,
        duplicate_window=_DUPLICATE_WINDOW_SECONDS,
    )


async def _ensure_stream(
    jetstream: JetStreamContext,
    config: api.StreamConfig,
    first_sequence: int | None,
    *,
    may_change: bool,
) -> None:
    try:
        await jetstream.add_stream(config.evolve(first_seq=first_sequence))
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        if may_change:
            await jetstream.update_stream(config)


async def ensure_consumer(
    jetstream: JetStreamContext, consumer: Durable, ack_wait_seconds: float
) -> None:
    """Make a durable consumer, or give it the current settings."""
    await jetstream.add_consumer(
        consumer.stream,
        api.ConsumerConfig(
            durable_name=consumer.name,
            filter_subject=consumer.subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ack_wait_seconds,
            max_deliver=-1,  # the collector decides when to give up, and keeps a dead letter
            max_ack_pending=_MAX_ACK_PENDING,
        ),
    )


async def make_again(
    jetstream: JetStreamContext, consumer: Durable, ack_wait_seconds: float
) -> None:
    """Make a deleted durable consumer again; every message that is not settled is delivered to it.

    If its stream is missing as well, nothing is made: streams are made by the gateway.
    """
    _log.warning("the consumer is missing", consumer=consumer.name)
    with suppress(NatsError, TimeoutError):
        await ensure_consumer(jetstream, consumer, ack_wait_seconds)
    await asyncio.sleep(_AGAIN_SECONDS)
