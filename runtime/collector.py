"""What a consumer's loop does with a batch: a handler, and the figures of its outcome."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from functions.collecting import Collected
from functions.dead_letters.handler import handle as keep_dead_letters
from functions.events import Source
from functions.ports import DeadLetter, DeadLetterStore, EventStore, Part
from runtime.envelopes import decode, decode_letters
from runtime.jetstream.consumer import Work
from runtime.metrics import ConsumerMetrics, EventMetrics

_log = structlog.get_logger()

Collect = Callable[[Sequence[Part]], Awaitable[Collected]]


def event_work(
    source: Source,
    collect: Collect,
    store: EventStore,
    metrics: ConsumerMetrics,
    events: EventMetrics,
) -> Work[Part]:
    """Make the work of a collector of events.

    Args:
        source: Whose events.
        collect: Its handler, bound to the store.
        store: Where what can't be read goes.
        metrics: Figures of the loop.
        events: Figures of the events.
    """

    async def handle(parts: Sequence[Part]) -> None:
        taken = sum(len(part.events) for part in parts)
        metrics.batch_events.observe(taken)
        events.accepted(source, taken)
        collected = await collect(parts)
        events.processed(source, collected.stored)
        events.duplicate(source, collected.duplicates)
        events.failed(source, "invalid", collected.rejected)
        events.failed(source, "refused", collected.refused)
        metrics.dead("rejected", collected.rejected)
        metrics.dead("refused", collected.refused)
        _observe_freshness(source, parts, metrics)
        _log.info(
            "batch stored",
            correlation_ids=sorted({part.correlation_id for part in parts}),
            stored=collected.stored,
            duplicates=collected.duplicates,
            rejected=collected.rejected,
            refused=collected.refused,
        )

    async def bury(letters: Sequence[DeadLetter]) -> None:
        await store.keep(letters)
        events.failed(source, "unreadable", len(letters))
        metrics.dead("unreadable", len(letters))

    return Work(source, partial(decode, source), handle, bury)


def _observe_freshness(source: Source, parts: Sequence[Part], metrics: ConsumerMetrics) -> None:
    now = datetime.now(UTC)
    for part in parts:
        seconds = (now - part.accepted_at).total_seconds()
        metrics.freshness.observe(source, seconds, len(part.events))


def dead_letter_work(store: DeadLetterStore, metrics: ConsumerMetrics) -> Work[DeadLetter]:
    """Make the work of the collector of dead letters."""

    async def handle(letters: Sequence[DeadLetter]) -> None:
        metrics.batch_events.observe(len(letters))
        stored = await keep_dead_letters(letters, store=store)
        for reason, count in Counter(letter.reason for letter in letters).items():
            metrics.dead(reason, count)
        _log.info("dead letters stored", stored=stored.new, duplicates=stored.duplicates)

    async def bury(letters: Sequence[DeadLetter]) -> None:
        await store.keep(letters)
        metrics.dead("unreadable", len(letters))

    return Work(None, decode_letters, handle, bury)
