"""The gateway on Lambda, behind HTTP, with SQS as its bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry

from functions.events import SOURCES
from runtime.aws.bus import SqsBus
from runtime.aws.client import open_client
from runtime.aws.documentation import gateway_documentation
from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.queue import Queue
from runtime.aws.routing import Router
from runtime.aws.settings import AwsGatewaySettings, configured
from runtime.bus.counted import CountedBus
from runtime.http.body import body_reader
from runtime.http.ingesting import ingest_endpoints
from runtime.http.origins import all_same_origin
from runtime.http.probes import probe_endpoints
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import EventMetrics


@asynccontextmanager
async def _hold(events: EventMetrics, registry: CollectorRegistry) -> AsyncIterator[HttpUnit]:
    settings = await configured(AwsGatewaySettings, "gateway")
    client = await asyncio.to_thread(open_client, "sqs")
    queues = {source: Queue(client, url) for source, url in settings.events_queue_urls.items()}
    letters = Queue(client, settings.dead_letters_queue_url)
    bus = CountedBus(SqsBus(queues, letters, settings.publish_timeout_seconds), events)
    bodies = body_reader(settings)
    health = Health({"sqs": queues[SOURCES[0]].check})
    endpoints = {
        **ingest_endpoints(bus, bodies, settings, registry),
        **gateway_documentation(settings),
        **probe_endpoints(health, settings.ingest_api_keys),
    }
    yield HttpUnit(Router(all_same_origin(endpoints)), _renew)
    client.close()


async def _renew() -> None:
    """Do nothing: the client of SQS checks a connection before it uses it."""


def _function() -> HttpFunction:
    registry = CollectorRegistry()
    events = EventMetrics(registry, "gateway")
    return HttpFunction("gateway", partial(_hold, events, registry), registry)


handler = _function()
