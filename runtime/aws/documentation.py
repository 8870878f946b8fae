"""The documentation on Lambda, made when first requested, since most processes never need it."""

from collections.abc import Callable
from functools import cache

from runtime.aws.settings import AwsGatewaySettings, AwsReporterSettings
from runtime.http.platforms import trusts_of
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import Response

_HERE = "http://localhost"
_PATHS = ("/api", "/api/", "/api/openapi.json")


def gateway_documentation(settings: AwsGatewaySettings) -> Endpoints:
    """Make the endpoints of ``GET /api``, and of ``/``, which redirects there."""

    def make() -> Endpoints:
        from runtime.http.documentation.endpoints import (  # noqa: PLC0415
            documentation_endpoints,
            leading_to_documentation,
        )
        from runtime.http.documentation.gateway import gateway_document  # noqa: PLC0415

        documentation = documentation_endpoints(
            gateway_document(
                url=_HERE,
                body_size_limit=settings.body_size_limit,
                event_size_limit=settings.event_size_limit,
                guarded=bool(settings.ingest_api_keys),
                check="sqs",
                ready_guarded=True,
                senders=trusts_of(settings),
                signed=bool(settings.webhook_secrets),
            )
        )
        return {**leading_to_documentation(), **documentation}

    return _once(make, "/")


def reporter_documentation(settings: AwsReporterSettings) -> Endpoints:
    """Make the endpoints of ``GET /api``; see ``documentation_endpoints``."""

    def make() -> Endpoints:
        from runtime.http.documentation.endpoints import documentation_endpoints  # noqa: PLC0415
        from runtime.http.documentation.reporter import reporter_document  # noqa: PLC0415

        return documentation_endpoints(
            reporter_document(
                url=_HERE,
                guarded=bool(settings.reader_api_keys),
                operator_guarded=bool(settings.operator_api_keys),
                ready_guarded=True,
            )
        )

    return _once(make)


def _once(make: Callable[[], Endpoints], *also: str) -> Endpoints:
    made = cache(make)

    def endpoint(path: str) -> Endpoint:
        async def respond(request: Request) -> Response:
            return await made()[path][1](request)

        return respond

    return {path: ("GET", endpoint(path)) for path in (*_PATHS, *also)}
