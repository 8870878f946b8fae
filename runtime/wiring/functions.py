"""Bind each function to what it needs: the only place that knows them all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from functions.errors import Unavailable
from functions.events import SOURCES, Source
from functions.fb_collector.handler import handle as collect_facebook
from functions.ports import Backlog, Bus
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.api_keys import ApiKeys
from runtime.bus.collector import dead_letter_work, event_work
from runtime.bus.counted import CountedBus
from runtime.bus.replaying import JUDGEMENT
from runtime.bus.work import Work
from runtime.http.body import BodyReader, body_reader
from runtime.http.cloud_events.collector import (
    ReadBare,
    collector_cloud_events,
    read_events,
    read_nothing,
)
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.cloud_events.taking import PATH as CLOUD_EVENTS
from runtime.http.documentation.endpoints import (
    documentation_endpoints,
    leading_to_documentation,
)
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.http.gateway import gateway_endpoint
from runtime.http.hosts import CheckHost, check_host
from runtime.http.in_hand import InHand, at_most
from runtime.http.keys import all_guarded
from runtime.http.reporting import ReporterKeys, reporting_endpoints
from runtime.http.request import Endpoints
from runtime.http.senders import Senders, read_networks
from runtime.http.server.app import App, create_app
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.broker_metrics import watch_broker_figures
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.consumer import Consumer, Gate
from runtime.jetstream.durability import DISK, Durability
from runtime.jetstream.kept import KeptMessages, keep_nothing
from runtime.jetstream.pull import Pull
from runtime.jetstream.readying import ready_broker
from runtime.jetstream.streams import (
    DEAD_LETTER_COLLECTOR,
    EVENTS,
    FB_COLLECTOR,
    SUMMARY_COLLECTOR,
    TTK_COLLECTOR,
    make_again,
)
from runtime.jetstream.streams import Consumer as Durable
from runtime.postgres.attempts import PostgresAttempts
from runtime.postgres.database_metrics import watch_database_figures
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import check, filled, opened
from runtime.postgres.reporting.pipeline import PostgresPipeline
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.schema.migrate import ensure_schema
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import (
    CollectorSettings,
    DatabaseSettings,
    GatewaySettings,
    ReporterSettings,
    Settings,
    check_all,
)
from runtime.telemetry.clocks import ServerClock, clock_facts
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import (
    ClockMetrics,
    ConsumerMetrics,
    EventMetrics,
    HttpMetrics,
    ReportMetrics,
    Saturation,
    SummaryMetrics,
    new_registry,
)
from runtime.telemetry.server_metrics import BROKER_FIGURES, DATABASE_FIGURES, Measured

_log = structlog.get_logger()

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until its event is set, finishing what is in hand."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A function, bound and ready to run.

    Attributes:
        app: Its HTTP side.
        health: What its probes say; told when it stops.
        loops: What it does beside HTTP.
    """

    app: App
    health: Health
    loops: Sequence[Loop] = ()


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[Unit]:
    """Hold the gateway with its connections while the context is open."""
    _warn_of_open(INGEST_API_KEYS=settings.ingest_api_keys)
    registry = new_registry()
    events = EventMetrics(registry, "gateway")
    events.expect(SOURCES, ("invalid", "unavailable"))
    bodies = body_reader(settings)
    in_hand = InHand()
    saturation = Saturation(registry, "gateway")
    saturation.watch("requests", in_hand.filled)
    saturation.watch("small_bodies", bodies.small.filled)
    saturation.watch("large_bodies", bodies.large.filled)
    async with _broker(settings, "gateway") as broker:
        await ready_broker(broker, settings)
        jetstream_bus = JetStreamBus(
            broker,
            settings.publish_timeout_seconds,
            SummaryMetrics(registry, "gateway").summarized,
        )
        bus = CountedBus(jetstream_bus, events)
        ClockMetrics(registry, "gateway", broker.clock)
        durability = Durability(settings.monitoring_urls, partial(broker.check_stream, EVENTS))
        await durability.ask()
        health = Health(
            {"nats": partial(broker.check_stream, EVENTS)},
            lambda: not broker.client.is_closed,
            facts={
                "durability": lambda: durability.meaning,
                "events": lambda: jetstream_bus.events,
                "deadLetters": lambda: jetstream_bus.dead_letters,
                **clock_facts(broker.clock),
            },
        )
        app = create_app(
            {
                **all_guarded(settings.ingest_api_keys, _ingest_endpoints(bus, bodies, in_hand)),
                **leading_to_documentation(),
                **documentation_endpoints(
                    gateway_document(
                        url=_url(settings, "gateway"),
                        body_size_limit=settings.body_size_limit,
                        event_size_limit=settings.event_size_limit,
                        guarded=bool(settings.ingest_api_keys),
                        asks_host=not settings.ingest_api_keys,
                        facts={"durability": DISK, "brokerClockSeconds": 0.002},
                    )
                ),
            },
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, "gateway"),
            check_host=_check_host(settings, settings.ingest_api_keys),
            senders=Senders(read_networks(settings.trusted_proxies)),
        )
        figures = partial(
            watch_broker_figures,
            broker,
            settings.monitoring_urls,
            Measured(BROKER_FIGURES, registry),
            is_kept=bool(settings.keep_settled_seconds),
        )
        yield Unit(app, health, [durability.watch, figures, jetstream_bus.tell_when_idle])
        with suppress(Unavailable):
            await jetstream_bus.tell()  # nobody follows who could


@asynccontextmanager
async def reporter(settings: ReporterSettings) -> AsyncIterator[Unit]:
    """Hold the reporter with its connections while the context is open."""
    _warn_of_open(
        OPERATOR_API_KEYS=settings.operator_api_keys, REPORTER_API_KEYS=settings.reporter_api_keys
    )
    registry = new_registry()
    async with (
        opened(settings.for_reports, "reporter") as pool,
        opened(settings.as_operator, "operator") as operators,
    ):
        await _schema(settings)
        await _schema(settings.for_reports)  # which a replica gets from its primary
        Saturation(registry, "reporter").watch("database_connections", partial(filled, pool))
        pipeline = PostgresPipeline(pool, settings.database_disk_bytes)
        clock = ServerClock("database")
        ClockMetrics(registry, "reporter", clock)
        health = Health(
            {"postgres": partial(check, pool)},
            lambda: not pool.is_closing(),
            facts=clock_facts(clock),
        )
        app = create_app(
            {
                **reporting_endpoints(
                    PostgresReports(pool),
                    pipeline,
                    PostgresDeadLetters(operators),
                    PostgresTrails(operators),
                    JUDGEMENT,
                    metrics=ReportMetrics(registry),
                    keys=ReporterKeys(
                        settings.reader_api_keys,
                        settings.operator_api_keys,
                        secure=settings.environment != "development",
                    ),
                ),
                **documentation_endpoints(
                    reporter_document(
                        url=_url(settings, "reporter"),
                        guarded=bool(settings.reader_api_keys),
                        operator_guarded=bool(settings.operator_api_keys),
                        asks_host=not (settings.reporter_api_keys and settings.operator_api_keys),
                    )
                ),
            },
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, "reporter"),
            check_host=_check_host(
                settings, settings.reporter_api_keys, settings.operator_api_keys
            ),
            senders=Senders(read_networks(settings.trusted_proxies)),
        )
        figures = partial(
            watch_database_figures,
            operators,
            pool,
            settings.database_disk_bytes,
            Measured(DATABASE_FIGURES, registry),
            clock=clock,
        )
        yield Unit(app, health, [figures])


def fb_collector(settings: CollectorSettings) -> AbstractAsyncContextManager[Unit]:
    """Hold the collector of Facebook events while the context is open."""
    return _collector(settings, FB_COLLECTOR, "facebook")


def ttk_collector(settings: CollectorSettings) -> AbstractAsyncContextManager[Unit]:
    """Hold the collector of TikTok events while the context is open."""
    return _collector(settings, TTK_COLLECTOR, "tiktok")


def dead_letters(settings: CollectorSettings) -> AbstractAsyncContextManager[Unit]:
    """Hold the collector of dead letters while the context is open."""
    return _collector(settings, DEAD_LETTER_COLLECTOR, None)


_HANDLERS: Final = {"facebook": collect_facebook, "tiktok": collect_tiktok}


@asynccontextmanager
async def _collector(
    settings: CollectorSettings, durable: Durable, source: Source | None
) -> AsyncIterator[Unit]:
    registry = new_registry()
    metrics = ConsumerMetrics(registry, durable.name)
    events = EventMetrics(registry, durable.name)
    async with opened(settings, durable.name) as pool, _broker(settings, durable.name) as broker:
        await _schema(settings)
        durables = [durable] if source else [durable, SUMMARY_COLLECTOR]
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
        work: Work[Any]
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
        if source is None:
            work = dead_letter_work(store, metrics, attempts)
            summaries = dead_letter_work(store, metrics, attempts, summaries=True)
            more = _loops(settings, broker, SUMMARY_COLLECTOR, consumer_of(summaries))
        else:
            events.expect([source], ("invalid", "unreadable", "refused"))
            metrics.freshness.expect(source)
            collect = partial(_HANDLERS[source], store=store)
            work = event_work(source, collect, store, metrics, events, attempts=attempts)
        ledger = PostgresLedger(pool, source)
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
            _collector_endpoints(settings, work, source),
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, durable.name),
            check_host=_check_host(settings, settings.ingest_api_keys),
            senders=Senders(read_networks(settings.trusted_proxies)),
        )

        async def note(backlog: Backlog) -> None:
            metrics.imbalance.set(await ledger.note(backlog))

        yield Unit(
            app,
            health,
            [
                *_loops(settings, broker, durable, consumer_of(work)),
                *more,
                partial(watch_backlog, broker, durable, metrics, note),
            ],
        )


def _ingest_endpoints(bus: Bus, bodies: BodyReader, in_hand: InHand) -> Endpoints:
    """Make the endpoints that take events."""
    return {
        path: ("POST", at_most(in_hand, endpoint))
        for path, endpoint in {
            "/events": gateway_endpoint(bus, bodies),
            CLOUD_EVENTS: gateway_cloud_events(bus, bodies),
        }.items()
    }


def _collector_endpoints(
    settings: CollectorSettings, work: Work[Any], source: Source | None
) -> Endpoints:
    """Make the endpoint of CloudEvents, unless it would be open to everyone for earnest."""
    if not settings.ingest_api_keys and settings.environment != "development":
        return {}
    read_bare: ReadBare[Any] = read_events if source else read_nothing
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


def _warn_of_open(**keys: ApiKeys) -> None:
    """Say loudly which settings would close what is open."""
    unset = [name for name, known in keys.items() if not known]
    if unset:
        _log.warning("no API keys set: open to everyone (fine on a developer's machine)", set=unset)


def _check_host(settings: Settings, *keys: ApiKeys) -> CheckHost | None:
    """Tell a developer's machine by its names where something on it is open to everyone."""
    if settings.environment != "development" or all(keys):
        return None
    return check_host([settings.host, *settings.allowed_hosts.split(",")])


def _url(settings: Settings, name: str) -> str:
    """Tell where a function listens on its own machine."""
    return f"http://127.0.0.1:{settings.port or FUNCTIONS[name].port}"


async def _schema(settings: DatabaseSettings) -> None:
    url = settings.database_url.get_secret_value()
    await ensure_schema(url, settings.startup_timeout_seconds)


def _broker(
    settings: GatewaySettings | CollectorSettings, name: str
) -> AbstractAsyncContextManager[Broker]:
    url = settings.nats_url.get_secret_value()
    return connected(url, name, settings.startup_timeout_seconds)


@dataclass(frozen=True, slots=True)
class Function:
    """How a function is run.

    Attributes:
        settings: What it is told, read when it starts.
        port: Where it listens unless told otherwise.
        hold: Binds it while a context is open.
    """

    settings: type[Settings]
    port: int
    hold: Callable[[Any], AbstractAsyncContextManager[Unit]]


FUNCTIONS: Final[Mapping[str, Function]] = {
    "gateway": Function(GatewaySettings, 3001, gateway),
    "fb-collector": Function(CollectorSettings, 3002, fb_collector),
    "ttk-collector": Function(CollectorSettings, 3003, ttk_collector),
    "reporter": Function(ReporterSettings, 3004, reporter),
    "dead-letters": Function(CollectorSettings, 3005, dead_letters),
}


def check_settings(*others: type[Settings]) -> None:
    """Read the settings of every function, but for the addresses that it will be given.

    Args:
        others: Kinds to read beside them.

    Raises:
        BadSettings: Some are wrong; it names them all.
    """
    given = {"nats_url": "nats://given", "database_url": "postgresql://given"}
    check_all({function.settings for function in FUNCTIONS.values()}, given, others)
