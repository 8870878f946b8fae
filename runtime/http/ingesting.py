"""Everything that accepts events, of any platform."""

from prometheus_client import CollectorRegistry

from functions.ports import Bus
from runtime.http.body import BodyReader
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.cloud_events.taking import PATH as CLOUD_EVENTS
from runtime.http.keys import guarded
from runtime.http.platforms import Platforms, trusts_of
from runtime.http.request import Endpoints
from runtime.http.signed import events_endpoint
from runtime.settings import IngestSettings
from runtime.telemetry.sender_metrics import SenderMetrics


def ingest_endpoints(
    bus: Bus, bodies: BodyReader, settings: IngestSettings, registry: CollectorRegistry
) -> Endpoints:
    """Make the endpoints that accept events: native ones behind keys, senders' behind their proofs.

    Args:
        bus: Where events and dead letters go.
        bodies: Reads bodies.
        settings: The keys and secrets.
        registry: Where senders' requests are counted.
    """
    trusts = trusts_of(settings)
    metrics = SenderMetrics(registry, "gateway", trusts)
    cloud_events = guarded(settings.ingest_api_keys, gateway_cloud_events(bus, bodies))
    return {
        "/events": ("POST", events_endpoint(bus, bodies, settings, metrics)),
        CLOUD_EVENTS: ("POST", cloud_events),
        **Platforms(bus, bodies, metrics).endpoints(trusts),
    }
