"""The probes of every function: liveness, readiness, metrics."""

from http import HTTPStatus

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from runtime.api_keys import ApiKeys
from runtime.http.keys import guarded
from runtime.http.request import Endpoints, Request
from runtime.http.responses import Response
from runtime.telemetry.health import Health


def probe_endpoints(health: Health, ready_keys: ApiKeys | None = None) -> Endpoints:
    """Make the endpoints of ``GET /health/*``.

    Args:
        health: The state that they report.
        ready_keys: Keys that open readiness on a public endpoint, since readiness
            asks the servers that the function uses; None if it is open.
    """

    async def live(_request: Request) -> Response:
        alive = health.is_alive()
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(status, msgspec.json.encode({"status": "live" if alive else "dead"}))

    async def ready(_request: Request) -> Response:
        is_ready, checks = await health.readiness()
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        body = {
            "status": "ready" if is_ready else "unavailable",
            "checks": checks,
            **{name: said for name, fact in health.facts.items() if (said := fact()) is not None},
        }
        return Response(status, msgspec.json.encode(body))

    return {
        "/health/live": ("GET", live),
        "/health/ready": ("GET", guarded(ready_keys or ApiKeys(), ready)),
    }


def metrics_endpoints(registry: CollectorRegistry) -> Endpoints:
    """Make the endpoint of ``GET /metrics``."""

    async def metrics(_request: Request) -> Response:
        return Response(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)

    return {"/metrics": ("GET", metrics)}
