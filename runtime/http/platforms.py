"""Real senders behind HTTP: each row of the table at its paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from pydantic import SecretStr

from functions.errors import Invalid, Unavailable
from functions.gateway.calls import handle_call
from functions.gateway.rejections import Origin
from functions.ports import Bus
from functions.senders.adapting import BadProof, Call, Malformed, Trust
from functions.senders.answering import Answer, Taken
from functions.senders.table import SENDERS, Handshake, Sender
from runtime.http.body import BodyReader
from runtime.http.keys import CHALLENGE
from runtime.http.observing import refuse
from runtime.http.request import Endpoint, Endpoints, Request, by_method
from runtime.http.responses import JSON, HttpProblem, Response
from runtime.settings import IngestSettings
from runtime.telemetry.sender_metrics import SenderMetrics

_log = structlog.get_logger()

_TEXT: Final = "text/plain; charset=utf-8"
NOT_PROVEN: Final = {
    HTTPStatus.UNAUTHORIZED: "The request needs a valid key or signature",
    HTTPStatus.FORBIDDEN: "The request's signature or token is not valid",
}
LATER: Final = "Temporarily unavailable: send the same request again"
_NO_SNIFFING: Final = {"X-Content-Type-Options": "nosniff"}


def trusts_of(settings: IngestSettings) -> dict[str, Trust]:
    """Return what each sender is trusted by, by its name; one that lacks a setting is left out."""
    if settings.user_key_pepper is None:
        return {}
    keys = settings.ingest_api_keys
    admits = (lambda token: keys.admit(token) is not None) if keys else None
    found = {}
    for sender in SENDERS:
        secrets = () if sender.secrets is None else getattr(settings, sender.secrets)
        options = {name: _plain(getattr(settings, name)) for name in sender.options}
        if (sender.secrets is None or secrets) and None not in options.values():
            found[sender.name] = Trust(
                settings.user_key_pepper.get_secret_value().encode(),
                [secret.get_secret_value().encode() for secret in secrets],
                options,
                admits,
            )
    return found


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@dataclass(frozen=True, slots=True)
class Platforms:
    """Takes the requests of all senders.

    Attributes:
        bus: Where records and dead letters go.
        bodies: Reads bodies.
        metrics: Where requests are counted.
    """

    bus: Bus
    bodies: BodyReader
    metrics: SenderMetrics

    def endpoints(self, trusts: Mapping[str, Trust]) -> Endpoints:
        """Make the endpoints of the senders that are trusted."""
        found: dict[str, tuple[str, Endpoint]] = {}
        for sender in SENDERS:
            if sender.name in trusts:
                endpoint = self._endpoint(sender, trusts[sender.name])
                found |= dict.fromkeys(sender.paths, endpoint)
        return found

    def _endpoint(self, sender: Sender, trust: Trust) -> tuple[str, Endpoint]:
        post = self._taking(sender, trust)
        if sender.handshake is None:
            return "POST", post
        return by_method({"GET": self._shaking(sender, sender.handshake, trust), "POST": post})

    def _taking(self, sender: Sender, trust: Trust) -> Endpoint:
        async def take(request: Request) -> Response:
            request.facts["sender"] = sender.name
            try:
                taken = await self._take(request, sender, trust)
            except BadProof as error:
                request.facts["fault"] = f"proof_{error.fault}"
                self.metrics.request(sender.name, "bad_proof")
                return _denied(sender, request)
            except Malformed as error:
                request.facts["fault"] = error.fault.code
                self.metrics.request(sender.name, "malformed")
                return _explained(sender, request, Invalid([error.fault]))
            except Unavailable as error:
                self.metrics.request(sender.name, "unavailable")
                return _explained(sender, request, error)
            except (HttpProblem, Invalid) as error:
                self.metrics.request(sender.name, "malformed")
                return _explained(sender, request, error)
            self._count(sender, taken, request)
            return _response(sender.respond(taken, request.correlation_id))

        return take

    async def _take(self, request: Request, sender: Sender, trust: Trust) -> Taken:
        now = datetime.now(UTC)
        async with self.bodies.read(request.headers, request.chunks(), request.whole) as body:
            request.facts["bytes"] = len(body)
            call = Call(request.headers, request.params, request.path_params, body, now)
            adapted = sender.adapt(call, trust)
            origin = Origin(request.correlation_id, now, request.trace_parent, sender.channel)
            return await handle_call(adapted, origin=origin, bus=self.bus)

    def _count(self, sender: Sender, taken: Taken, request: Request) -> None:
        self.metrics.request(sender.name, "taken")
        self.metrics.parts(sender.name, taken.kinds)
        if taken.secret is not None:
            self.metrics.proven(sender.name, taken.secret)
        request.facts.update(accepted=taken.records, rejected=taken.kinds["refused"])
        if taken.skipped:
            request.facts["skipped"] = taken.skipped.total()
        if taken.refused:
            fault = taken.refused[0].fault
            request.facts.update(fault=fault.code, fault_field=fault.field)
        if taken.skipped["wrong_subscription"]:
            _log.warning("subscription sends no data", sender=sender.name)

    def _shaking(self, sender: Sender, handshake: Handshake, trust: Trust) -> Endpoint:
        async def shake(request: Request) -> Response:
            request.facts["sender"] = sender.name
            now = datetime.now(UTC)
            call = Call(request.headers, request.params, request.path_params, b"", now)
            try:
                return _response(handshake(call, trust))
            except BadProof as error:
                request.facts["fault"] = f"proof_{error.fault}"
                self.metrics.request(sender.name, "bad_proof")
                return _denied(sender, request)

        return shake


def _denied(sender: Sender, request: Request) -> Response:
    headers = CHALLENGE if sender.denied == HTTPStatus.UNAUTHORIZED else {}
    problem = HttpProblem(sender.denied, NOT_PROVEN[sender.denied], headers)
    return _explained(sender, request, problem)


def _explained(sender: Sender, request: Request, error: Exception) -> Response:
    """Answer an error in the platform's own shape, with the status that everybody gets."""
    answer = refuse(error, request.correlation_id)
    if sender.explain is None:
        return answer
    message = str(error) if isinstance(error, Invalid | HttpProblem) else LATER
    body = sender.explain(int(answer.status), message, request.correlation_id)
    return Response(answer.status, msgspec.json.encode(body), JSON, answer.headers)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(answer.status, b"", _TEXT)
    if isinstance(answer.body, str):
        return Response(answer.status, answer.body.encode(), _TEXT, _NO_SNIFFING)
    return Response(answer.status, msgspec.json.encode(answer.body))
