"""What a consumer's loop does with a batch: a handler, and the figures of its outcome."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import structlog

from functions.collecting import Collected
from functions.dead_letters.handler import handle as keep_dead_letters
from functions.events import Source
from functions.ports import DeadLetter, DeadLetterStore, Delivery, EventStore, Lot, Part
from runtime.bus.envelopes import decode, decode_letters
from runtime.bus.manifests import Headers, read_manifest
from runtime.bus.work import Attempts, NoAttempts, Work
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics
from runtime.telemetry.trace_context import trace_id_of

_log = structlog.get_logger()

Collect = Callable[[Sequence[Part]], Awaitable[Collected]]


def event_work(
    source: Source,
    collect: Collect,
    store: EventStore,
    metrics: ConsumerMetrics,
    events: EventMetrics,
    *,
    attempts: Attempts | None = None,
) -> Work[Part]:
    """Make the work of a collector of events.

    Args:
        source: Whose events.
        collect: Its handler, bound to the store.
        store: Where what can't be read goes.
        metrics: Figures of the loop.
        events: Figures of the events.
        attempts: Remembers messages that may end the process; None where its queue does.
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
        events.failed(source, "too_old", collected.too_old)
        metrics.dead("rejected", collected.rejected)
        metrics.dead("refused", collected.refused)
        metrics.dead("too_old", collected.too_old)
        _observe_freshness(source, parts, metrics)
        # Messages that only tell of others are not worth a line, or a name.
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

    def read(data: bytes, headers: Headers, delivery: Delivery) -> Sequence[Part]:
        return decode(source, data, read_manifest(source, headers), delivery)

    async def bury(letter: DeadLetter, headers: Headers) -> None:
        await store.settle([Lot(read_manifest(source, headers), [], [letter], unread=True)])
        rejected = letter.reason == "rejected"  # a mass: what it holds was read, and is invalid
        events.failed(source, "invalid" if rejected else "unreadable", letter.elements)
        metrics.dead(letter.reason, 1)

    return Work(source, read, handle, bury, attempts or NoAttempts(), _requests_of)


def _requests_of(parts: Sequence[Part]) -> list[str]:
    return sorted({part.correlation_id for part in parts if part.events})


def _requests_of_letters(lots: Sequence[Lot]) -> list[str]:
    named = {letter.correlation_id for lot in lots for letter in lot.letters}
    return sorted(it for it in named if it is not None)


def _traces(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Name the traces that a batch is part of, where it is part of any."""
    traces = {trace_id_of(part.trace_parent) for part in parts if part.trace_parent}
    return {"trace_ids": sorted(traces)} if traces else {}


def _observe_freshness(source: Source, parts: Sequence[Part], metrics: ConsumerMetrics) -> None:
    now = datetime.now(UTC)
    for part in parts:
        if part.delivery.is_replayed:  # it was in time when it came
            continue
        seconds = (now - part.accepted_at).total_seconds()
        metrics.freshness.observe(source, seconds, len(part.events))


def dead_letter_work(
    store: DeadLetterStore,
    metrics: ConsumerMetrics,
    attempts: Attempts | None = None,
    *,
    summaries: bool = False,
) -> Work[Lot]:
    """Make the work of the collector of dead letters.

    Args:
        store: Where they are kept.
        metrics: Figures of the loop.
        attempts: As in ``event_work``.
        summaries: Whether each message has one letter that stands for all of
            its rejected events: see ``runtime.bus.letter_summaries``.
    """

    async def handle(lots: Sequence[Lot]) -> None:
        letters = [letter for lot in lots for letter in lot.letters]
        metrics.batch_events.observe(sum(letter.elements for letter in letters))
        stored = await keep_dead_letters(lots, store=store)
        for reason, count in Counter(letter.reason for letter in letters).items():
            metrics.dead(reason, count)
        told = _log.info if letters else _log.debug
        told(
            "dead letters stored",
            correlation_ids=_requests_of_letters(lots),
            stored=stored.new,
            duplicates=stored.duplicates,
        )

    def read(data: bytes, headers: Headers, _delivery: Delivery) -> Sequence[Lot]:
        return [Lot(read_manifest(None, headers), (), decode_letters(data), unread=summaries)]

    async def bury(letter: DeadLetter, headers: Headers) -> None:
        await store.keep([Lot(read_manifest(None, headers), (), [letter], unread=True)])
        metrics.dead("unreadable", 1)

    return Work(None, read, handle, bury, attempts or NoAttempts(), _requests_of_letters)
