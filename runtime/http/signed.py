"""Native events behind a signature of Standard Webhooks, in place of a key."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from functions.ports import Bus
from functions.senders.adapting import BadProof
from functions.senders.standard_webhooks import SIGNATURE, check_signature, decode_secret
from runtime.http.body import BodyReader
from runtime.http.gateway import gateway_endpoint
from runtime.http.keys import CHALLENGE, guarded
from runtime.http.request import Endpoint, Request
from runtime.http.responses import HttpProblem, Response
from runtime.settings import IngestSettings
from runtime.telemetry.sender_metrics import SenderMetrics

SENDER: Final = "standard_webhooks"
"""Its name in metrics."""

_DETAIL: Final = "The request's signature (Standard Webhooks) is not valid"


def events_endpoint(
    bus: Bus, bodies: BodyReader, settings: IngestSettings, metrics: SenderMetrics
) -> Endpoint:
    """Make the endpoint of ``POST /events``: behind keys or, where secrets are set, a signature.

    A request that carries a signature is judged by it alone.
    """
    by_key = guarded(settings.ingest_api_keys, gateway_endpoint(bus, bodies))
    secrets = [decode_secret(it.get_secret_value()) for it in settings.webhook_secrets]
    if not secrets:
        return by_key
    by_signature = gateway_endpoint(bus, bodies, _checking(secrets, metrics))

    async def post_events(request: Request) -> Response:
        is_signed = request.headers.get(SIGNATURE, "")
        return await (by_signature if is_signed else by_key)(request)

    return post_events


def _checking(secrets: list[bytes], metrics: SenderMetrics) -> Callable[[Request, bytes], None]:
    def check(request: Request, body: bytes) -> None:
        request.facts["sender"] = SENDER
        try:
            secret = check_signature(request.headers, body, secrets, datetime.now(UTC))
        except BadProof as error:
            request.facts["fault"] = f"proof_{error.fault}"
            metrics.request(SENDER, "bad_proof")
            raise HttpProblem(HTTPStatus.UNAUTHORIZED, _DETAIL, CHALLENGE) from error
        metrics.proven(SENDER, secret)

    return check
