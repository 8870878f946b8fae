"""Bind the collectors to their dependencies."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from functions.messages import Backlog
from runtime.bus.gate import Gate
from runtime.bus.settling import keep_nothing
from runtime.bus.work import MessageHandler, dead_letter_work, event_work
from runtime.catalogue import Function, OwnEvents
from runtime.http.body import body_reader
from runtime.http.cloud_events.collector import (
    ReadBare,
    collector_cloud_events,
    read_events,
    read_nothing,
)
from runtime.http.cloud_events.taking import PATH as CLOUD_EVENTS
from runtime.http.keys import all_guarded
from runtime.http.request import Endpoints
from runtime.http.senders import Senders
from runtime.http.server.app import create_app
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.connection import Broker
from runtime.jetstream.consumer import Consumer
from runtime.jetstream.kept import KeptMessages
from runtime.jetstream.pull import Pull
from runtime.jetstream.readying import ready_broker
from runtime.jetstream.streams import DURABLES, SUMMARY_COLLECTOR, Durable, make_again
from runtime.networks import read_networks
from runtime.postgres.attempts import PostgresAttempts
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import check, filled, opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import CollectorSettings
from runtime.telemetry.clocks import clock_facts
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import (
    ClockMetrics,
    ConsumerMetrics,
    EventMetrics,
    HttpMetrics,
    Saturation,
    new_registry,
)
from runtime.wiring.running import Loop, RunningFunction, broker_of, host_check, schema_of


@asynccontextmanager
async def collector(
    settings: CollectorSettings, function: Function
) -> AsyncIterator[RunningFunction]:
    """Hold a collector, of a source's events or of dead letters, while the context is open."""
    durable, own = DURABLES[function.name], function.events
    registry = new_registry()
    metrics = ConsumerMetrics(registry, durable.name)
    events = EventMetrics(registry, durable.name)
    async with opened(settings, durable.name) as pool, broker_of(settings, durable.name) as broker:
        await schema_of(settings)
        durables = [durable] if own else [durable, SUMMARY_COLLECTOR]
        await ready_broker(
            broker,
            settings,
            *durables,
            ack_wait_seconds=settings.ack_wait_seconds,
            may_change=False,
        )
        saturation = Saturation(registry, durable.name)
        saturation.watch("database_connections", partial(filled, pool))
        store, attempts = PostgresEventStore(pool), PostgresAttempts(pool)
        work: MessageHandler[Any]
        more: list[Loop] = []
        kept = KeptMessages(broker.jetstream, settings)
        keep = kept.keep if settings.keep_settled_seconds else keep_nothing
        consumer_of = partial(
            Consumer[Any],
            metrics=metrics,
            gate=Gate(),
            keep=keep,
            max_bytes=settings.batch_max_bytes,
            answers=partial(check, pool),
        )
        if own is None:
            work = dead_letter_work(store, metrics, attempts)
            summaries = dead_letter_work(store, metrics, attempts, summaries=True)
            more = _loops(settings, broker, SUMMARY_COLLECTOR, consumer_of(summaries))
        else:
            events.expect([own.source], ("invalid", "unreadable", "refused"))
            metrics.freshness.expect(own.source)
            collect = partial(own.handle, store=store)
            work = event_work(own.source, collect, store, metrics, events, attempts=attempts)
        ledger = PostgresLedger(pool, own.source if own else None)
        clocks = (broker.clock, ledger.clock)
        ClockMetrics(registry, durable.name, *clocks)
        health = Health(
            {
                "nats": partial(broker.check_stream, durable.stream),
                "postgres": partial(check, pool),
            },
            lambda: not broker.client.is_closed and not pool.is_closing(),
            facts=clock_facts(*clocks),
        )
        app = create_app(
            _collector_endpoints(settings, work, own),
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, durable.name),
            check_host=host_check(settings, settings.ingest_api_keys),
            senders=Senders(read_networks(settings.trusted_proxies)),
        )

        async def note(backlog: Backlog) -> None:
            metrics.imbalance.set(await ledger.note(backlog))

        yield RunningFunction(
            app,
            health,
            [
                *_loops(settings, broker, durable, consumer_of(work)),
                *more,
                partial(watch_backlog, broker, durable, metrics, note),
            ],
        )


def _collector_endpoints(
    settings: CollectorSettings, work: MessageHandler[Any], own: OwnEvents | None
) -> Endpoints:
    """Offer CloudEvents, but never without keys outside development."""
    if not settings.ingest_api_keys and settings.environment != "development":
        return {}
    read_bare: ReadBare[Any] = read_events if own else read_nothing
    endpoint = collector_cloud_events(work, body_reader(settings), read_bare)
    return all_guarded(settings.ingest_api_keys, {CLOUD_EVENTS: ("POST", endpoint)})


def _loops(
    settings: CollectorSettings,
    broker: Broker,
    durable: Durable,
    consumer: Consumer[Any],
) -> list[Loop]:

    def consume(stop: asyncio.Event) -> Coroutine[Any, Any, None]:
        pull = Pull(
            broker.client,
            durable,
            max_messages=settings.batch_max_messages,
            max_bytes=settings.batch_max_bytes,
            on_missing=partial(make_again, broker.jetstream, durable, settings.ack_wait_seconds),
        )
        return consumer.run(pull, stop)

    return [consume] * settings.batches_in_flight
