"""All that takes events, whatever the platform."""

from functions.ports import Bus
from runtime.http.body import BodyReader
from runtime.http.cloud_events.gateway import gateway_cloud_events
from runtime.http.cloud_events.taking import PATH as CLOUD_EVENTS
from runtime.http.gateway import gateway_endpoint
from runtime.http.request import Endpoints


def ingest_endpoints(bus: Bus, bodies: BodyReader) -> Endpoints:
    """Make the endpoints that take events, open to everyone."""
    return {
        "/events": ("POST", gateway_endpoint(bus, bodies)),
        CLOUD_EVENTS: ("POST", gateway_cloud_events(bus, bodies)),
    }
