"""Handle the messages of a queue, whatever transport brings them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

import structlog

from functions.collecting import Collected
from functions.dead_letters.handler import handle as keep_dead_letters
from functions.errors import Fault
from functions.events import Source
from functions.messages import AcceptedBatch, DeadLetter, Delivery, EnvelopeOutcome
from functions.ports import DeadLetterStore, EventStore
from runtime.bus.envelopes import decode, decode_letters
from runtime.bus.manifests import Headers, read_manifest
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics
from runtime.telemetry.trace_context import trace_id_of

Item = TypeVar("Item")


class Attempts(Protocol):
    """Remembers, beyond a process's end, which messages it was about to open."""

    async def begin(self, message_id: bytes) -> int:
        """Mark that a message is about to be opened.

        Returns:
            How many marks were left by others that began with it and never ended.

        Raises:
            Unavailable: It is not marked, and must not be opened.
        """

    async def end(self, message_id: bytes) -> None:
        """Remove all marks: the process survived the message, whatever became of it.

        Raises:
            Unavailable: They may still be set.
        """


@dataclass(frozen=True, slots=True)
class MessageHandler(Generic[Item]):
    """How a consumer handles its messages.

    Attributes:
        source: The source of their events; None if it may be any.
        decode: Reads a message, its headers and its delivery; raises ``UnreadableEnvelope``.
        handle: Takes all items of a batch; returns when they are committed.
        dead_letter: Stores the dead letter of a whole message, given its headers.
        attempts: Remembers the messages that may end the process; None if their queue
            sets such messages aside itself.
        requests: Names the requests of items, for the log; each once, in order.
    """

    source: Source | None
    decode: Callable[[bytes, Headers, Delivery], Sequence[Item]]
    handle: Callable[[Sequence[Item]], Awaitable[None]]
    dead_letter: Callable[[DeadLetter, Headers], Awaitable[None]]
    attempts: Attempts | None = None
    requests: Callable[[Sequence[Item]], list[str]] = lambda _items: []


def unreadable(source: Source | None, data: bytes, why: str, *, came_at: datetime) -> DeadLetter:
    """Make the dead letter of a whole message.

    Args:
        source: The expected source of its events, if known.
        data: Its bytes.
        why: What is wrong with it, in words for a person.
        came_at: When the transport received it, UTC.
    """
    return DeadLetter(
        reason="unreadable",
        fault=Fault("", "envelope", why),
        payload=data,
        accepted_at=came_at,
        source=source,
    )


_log = structlog.get_logger()

Collect = Callable[[Sequence[AcceptedBatch]], Awaitable[Collected]]


def event_work(
    source: Source,
    collect: Collect,
    store: EventStore,
    metrics: ConsumerMetrics,
    events: EventMetrics,
    *,
    attempts: Attempts | None = None,
) -> MessageHandler[AcceptedBatch]:
    """Make the message handler of a collector of events.

    Args:
        source: The source of its events.
        collect: Its handler, bound to the store.
        store: Where unreadable messages go.
        metrics: Metrics of the loop.
        events: Metrics of the events.
        attempts: Remembers messages that may end the process; None if its queue does so.
    """

    async def handle(parts: Sequence[AcceptedBatch]) -> None:
        taken = sum(len(part.events) for part in parts)
        metrics.batch_events.observe(taken)
        events.accepted(source, taken)
        collected = await collect(parts)
        events.processed(source, collected.stored)
        events.duplicate(source, collected.duplicates)
        events.failed(source, "invalid", collected.rejected)
        events.failed(source, "refused", collected.refused)
        events.failed(source, "too_old", collected.too_old)
        metrics.dead("rejected", collected.rejected)
        metrics.dead("refused", collected.refused)
        metrics.dead("too_old", collected.too_old)
        _observe_freshness(source, parts, metrics)
        # Messages that only announce others need no line at info level, and no names.
        told = _log.info if taken else _log.debug
        told(
            "batch stored",
            correlation_ids=_requests_of(parts),
            **_traces(parts),
            stored=collected.stored,
            duplicates=collected.duplicates,
            rejected=collected.rejected,
            refused=collected.refused,
            too_old=collected.too_old,
        )

    def read(data: bytes, headers: Headers, delivery: Delivery) -> Sequence[AcceptedBatch]:
        return decode(source, data, read_manifest(source, headers), delivery)

    async def dead_letter(letter: DeadLetter, headers: Headers) -> None:
        await store.settle(
            [EnvelopeOutcome(read_manifest(source, headers), [], [letter], unread=True)]
        )
        rejected = letter.reason == "rejected"  # a mass: its elements were read, and are invalid
        events.failed(source, "invalid" if rejected else "unreadable", letter.elements)
        metrics.dead(letter.reason, 1)

    return MessageHandler(source, read, handle, dead_letter, attempts, _requests_of)


def _requests_of(parts: Sequence[AcceptedBatch]) -> list[str]:
    return sorted({part.correlation_id for part in parts if part.events})


def _requests_of_letters(outcomes: Sequence[EnvelopeOutcome]) -> list[str]:
    named = {letter.correlation_id for outcome in outcomes for letter in outcome.letters}
    return sorted(it for it in named if it is not None)


def _traces(parts: Sequence[AcceptedBatch]) -> dict[str, list[str]]:
    """List the traces that a batch belongs to, if any."""
    traces = {trace_id_of(part.trace_parent) for part in parts if part.trace_parent}
    return {"trace_ids": sorted(traces)} if traces else {}


def _observe_freshness(
    source: Source, parts: Sequence[AcceptedBatch], metrics: ConsumerMetrics
) -> None:
    now = datetime.now(UTC)
    for part in parts:
        if part.delivery.is_replayed:  # it was on time when it first came
            continue
        seconds = (now - part.accepted_at).total_seconds()
        metrics.freshness.observe(source, seconds, len(part.events))


def dead_letter_work(
    store: DeadLetterStore,
    metrics: ConsumerMetrics,
    attempts: Attempts | None = None,
    *,
    summaries: bool = False,
) -> MessageHandler[EnvelopeOutcome]:
    """Make the message handler of the collector of dead letters.

    Args:
        store: Where they are stored.
        metrics: Metrics of the loop.
        attempts: As in ``event_work``.
        summaries: Whether each message has one letter that stands for all of
            its rejected events: see ``runtime.bus.letter_summaries``.
    """

    async def handle(outcomes: Sequence[EnvelopeOutcome]) -> None:
        letters = [letter for outcome in outcomes for letter in outcome.letters]
        metrics.batch_events.observe(sum(letter.elements for letter in letters))
        stored = await keep_dead_letters(outcomes, store=store)
        for reason, count in Counter(letter.reason for letter in letters).items():
            metrics.dead(reason, count)
        told = _log.info if letters else _log.debug
        told(
            "dead letters stored",
            correlation_ids=_requests_of_letters(outcomes),
            stored=stored.new,
            duplicates=stored.duplicates,
        )

    def read(data: bytes, headers: Headers, _delivery: Delivery) -> Sequence[EnvelopeOutcome]:
        return [
            EnvelopeOutcome(
                read_manifest(None, headers), (), decode_letters(data), unread=summaries
            )
        ]

    async def dead_letter(letter: DeadLetter, headers: Headers) -> None:
        await store.keep([EnvelopeOutcome(read_manifest(None, headers), (), [letter], unread=True)])
        metrics.dead("unreadable", 1)

    return MessageHandler(None, read, handle, dead_letter, attempts, _requests_of_letters)
