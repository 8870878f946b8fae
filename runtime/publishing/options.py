"""Options of the publisher."""

import math
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from functions.publisher.handler import PublishingPlan

_DEFAULT_CONCURRENCY: Final = 8
"""Without an interval there has to be a limit: this one keeps a gateway busy."""

_EVENTS_A_BATCH: Final = 2000
_BODIES_A_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """The requests to send, their target and their rate.

    Attributes:
        url: The gateway, or its ``/events``.
        requests: How many; None is until stopped.
        interval_seconds: Between two requests, answered or not; 0 is as fast as possible.
        concurrency: Most requests in flight; None is no limit, or 8 without an interval.
        seed: Makes every byte of the run repeatable, including timestamps.
        key: The gateway's API key; None if it is open.
    """

    url: str
    requests: int | None = None
    min_events: int = 1000
    max_events: int = 50_000
    interval_seconds: float = 1.0
    concurrency: int | None = None
    corrupt_probability: float = 0.1
    duplicate_probability: float = 0.0
    single: bool = False
    seed: int | None = None
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: An option is out of its range; names which.
        """
        target = urlsplit(self.url)
        if target.scheme not in ("http", "https") or not target.hostname:
            raise ValueError("url must be like http://host:port")
        if self.requests is not None and self.requests < 0:
            raise ValueError("requests must be 0 or more")
        if not 0 <= self.interval_seconds < math.inf:
            raise ValueError("interval must be 0 or more seconds")
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError("concurrency must be 1 or more")
        _ = self.plan

    @property
    def plan(self) -> PublishingPlan:
        """The kind of bodies to make."""
        return PublishingPlan(
            min_events=self.min_events,
            max_events=self.max_events,
            corrupt_probability=self.corrupt_probability,
            duplicate_probability=self.duplicate_probability,
            single=self.single,
        )

    @property
    def events_url(self) -> str:
        """Where to post."""
        url = self.url.rstrip("/")
        return url if url.endswith("/events") else f"{url}/events"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        admission = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        return {"Content-Type": "application/json", **admission}

    @property
    def max_in_flight(self) -> int | None:
        """Most requests in flight; None is no limit."""
        if self.concurrency is None and not self.interval_seconds:
            return _DEFAULT_CONCURRENCY
        return self.concurrency

    @property
    def bodies_a_batch(self) -> int:
        """How many bodies to make together: many if they are small and nobody waits."""
        if self.interval_seconds:
            return 1
        events_a_body = 1 if self.single else (self.min_events + self.max_events) // 2
        return max(1, min(_BODIES_A_BATCH, _EVENTS_A_BATCH // max(1, events_a_body)))
