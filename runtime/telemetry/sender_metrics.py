"""The outcomes of real senders' requests; labels are names of the table, never of a request."""

from collections.abc import Iterable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter

RequestOutcome = Literal["taken", "bad_proof", "malformed", "unavailable"]

_REQUEST_OUTCOMES: tuple[RequestOutcome, ...] = ("taken", "bad_proof", "malformed", "unavailable")


class SenderMetrics:
    """Requests, their parts, and which secrets proved them, by sender.

    Args:
        registry: Where they are exported.
        service: The function's name.
        senders: The names of those that can call.
    """

    def __init__(self, registry: CollectorRegistry, service: str, senders: Iterable[str]) -> None:
        self._service = service
        self._requests = Counter(
            "sender_requests_total",
            "Requests of real senders, by what became of them",
            ("service", "sender", "outcome"),
            registry=registry,
        )
        self._parts = Counter(
            "sender_parts_total",
            "Parts of real senders' requests: records by kind, refused and skipped ones",
            ("service", "sender", "kind"),
            registry=registry,
        )
        self._secrets = Counter(
            "sender_secrets_total",
            "Requests that were proven by the newest secret, or by an older one",
            ("service", "sender", "secret"),
            registry=registry,
        )
        for sender in senders:
            for outcome in _REQUEST_OUTCOMES:
                self._requests.labels(service, sender, outcome).inc(0)

    def request(self, sender: str, outcome: RequestOutcome) -> None:
        """Count a request."""
        self._requests.labels(self._service, sender, outcome).inc()

    def parts(self, sender: str, kinds: Mapping[str, int]) -> None:
        """Count a request's parts by kind."""
        for kind, parts in kinds.items():
            self._parts.labels(self._service, sender, kind).inc(parts)

    def proven(self, sender: str, secret: int) -> None:
        """Count a request by the secret that proved it, 0 for the newest."""
        name = "older" if secret else "newest"
        self._secrets.labels(self._service, sender, name).inc()
