"""Bind the gateway to its dependencies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from functions.errors import Unavailable
from functions.events import SOURCES
from runtime.bus.counted import CountedBus
from runtime.http.body import body_reader
from runtime.http.documentation.endpoints import documentation_endpoints, leading_to_documentation
from runtime.http.documentation.gateway import gateway_document
from runtime.http.in_hand import InHand, at_most
from runtime.http.ingesting import ingest_endpoints
from runtime.http.platforms import trusts_of
from runtime.http.senders import Senders
from runtime.http.server.app import create_app
from runtime.jetstream.broker_metrics import watch_broker_figures
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.durability import DISK, Durability
from runtime.jetstream.readying import ready_broker
from runtime.jetstream.streams import EVENTS
from runtime.networks import read_networks
from runtime.settings import GatewaySettings
from runtime.telemetry.clocks import clock_facts
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import (
    ClockMetrics,
    EventMetrics,
    HttpMetrics,
    Saturation,
    SummaryMetrics,
    new_registry,
)
from runtime.telemetry.refusals import Refusals
from runtime.telemetry.server_metrics import BROKER_FIGURES, Measured
from runtime.wiring.running import RunningFunction, broker_of, host_check, url_of, warn_of_open


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[RunningFunction]:
    """Hold the gateway with its connections while the context is open."""
    warn_of_open(INGEST_API_KEYS=settings.ingest_api_keys)
    registry = new_registry()
    events = EventMetrics(registry, "gateway")
    events.expect(SOURCES, ("invalid", "unavailable"))
    bodies = body_reader(settings)
    in_hand, refusals = InHand(), Refusals()
    saturation = Saturation(registry, "gateway")
    saturation.watch("requests", in_hand.filled)
    saturation.watch("small_bodies", bodies.small.filled)
    saturation.watch("large_bodies", bodies.large.filled)
    async with broker_of(settings, "gateway") as broker:
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
                "refusals": lambda: refusals.recent,
                **clock_facts(broker.clock),
            },
        )
        taking = {
            path: (method, at_most(in_hand, endpoint))
            for path, (method, endpoint) in ingest_endpoints(
                bus, bodies, settings, registry
            ).items()
        }
        app = create_app(
            {
                **taking,
                **leading_to_documentation(),
                **documentation_endpoints(
                    gateway_document(
                        url=url_of(settings, "gateway"),
                        body_size_limit=settings.body_size_limit,
                        event_size_limit=settings.event_size_limit,
                        guarded=bool(settings.ingest_api_keys),
                        asks_host=not settings.ingest_api_keys,
                        senders=trusts_of(settings),
                        signed=bool(settings.webhook_secrets),
                        facts={"durability": DISK, "brokerClockSeconds": 0.002, "refusals": 0},
                    )
                ),
            },
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, "gateway", refusals),
            check_host=host_check(settings, settings.ingest_api_keys),
            senders=Senders(read_networks(settings.trusted_proxies)),
        )
        figures = partial(
            watch_broker_figures,
            broker,
            settings.monitoring_urls,
            Measured(BROKER_FIGURES, registry),
            is_kept=bool(settings.keep_settled_seconds),
        )
        yield RunningFunction(
            app, health, [durability.watch, figures, jetstream_bus.announce_when_idle]
        )
        with suppress(Unavailable):
            await jetstream_bus.announce()  # no later envelope will announce these
