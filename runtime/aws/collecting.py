"""Shared by the collectors on Lambda: their queue, and their use of the database."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncpg
from prometheus_client import CollectorRegistry

from functions.events import Source
from functions.messages import AcceptedBatch, EnvelopeOutcome
from runtime.aws.settings import AwsCollectorSettings, configured
from runtime.aws.sqs import QueueFunction, QueueUnit
from runtime.bus.work import Collect, MessageHandler, dead_letter_work, event_work
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.schema.migrate import ensure_schema
from runtime.postgres.storing.store import PostgresEventStore
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics

_BALANCE_SECONDS: Final = 60.0
"""How often a process balances the ledger after a batch, which costs some queries."""

MakeWork = Callable[[PostgresEventStore], MessageHandler[Any]]


def event_collector(
    service: str, source: Source, collect: Callable[..., Awaitable[Any]]
) -> QueueFunction[AcceptedBatch]:
    """Make a collector of events.

    Args:
        service: Its name.
        source: The source of its events.
        collect: Its handler.
    """
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry, service)
    events = EventMetrics(registry, service)

    def work(store: PostgresEventStore) -> MessageHandler[AcceptedBatch]:
        bound: Collect = partial(collect, store=store)
        return event_work(source, bound, store, metrics, events)

    hold = partial(_hold, service, source, work, metrics)
    return QueueFunction(hold, registry, metrics)


def dead_letter_collector(service: str) -> QueueFunction[EnvelopeOutcome]:
    """Make the collector of dead letters."""
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry, service)

    def work(store: PostgresEventStore) -> MessageHandler[EnvelopeOutcome]:
        return dead_letter_work(store, metrics)

    return QueueFunction(partial(_hold, service, None, work, metrics), registry, metrics)


@asynccontextmanager
async def _hold(
    service: str, source: Source | None, work: MakeWork, metrics: ConsumerMetrics
) -> AsyncIterator[QueueUnit[Any]]:
    settings = await configured(AwsCollectorSettings, service)
    async with opened(settings, service) as pool:
        await ensure_schema(
            settings.database_url.get_secret_value(), settings.startup_timeout_seconds
        )
        ledger = _Ledger(pool, source, metrics)
        yield QueueUnit(work(PostgresEventStore(pool)), pool.expire_connections, ledger.balance)


class _Ledger:
    """Balances the ledger at intervals."""

    def __init__(self, pool: asyncpg.Pool, source: Source | None, metrics: ConsumerMetrics) -> None:
        self._ledger = PostgresLedger(pool, source)
        self._metrics = metrics
        self._balanced_at = 0.0

    async def balance(self) -> None:
        if time.time() - self._balanced_at > _BALANCE_SECONDS:
            self._balanced_at = time.time()
            self._metrics.imbalance.set(await self._ledger.balance())
