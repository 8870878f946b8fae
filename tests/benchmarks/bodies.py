"""Requests made before the clock starts; ids and times are new each time."""

import secrets
import time
from dataclasses import dataclass

from functions.publisher.handler import PublishingPlan, handle
from functions.publisher.recent import Recent


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests to make.

    Attributes:
        requests: How many.
        events: How many in each; 1 is an event alone, not in an array.
    """

    requests: int
    events: int

    @property
    def total(self) -> int:
        """All events."""
        return self.requests * self.events

    def scaled(self, share: float) -> "Batch":
        """Make fewer or more requests of the same size, one at least."""
        return Batch(max(1, round(self.requests * share)), self.events)


def make_bodies(batch: Batch) -> list[bytes]:
    """Make the bodies; all events are valid and from the second before now."""
    seed = secrets.randbits(64)
    started_ms = int(time.time() * 1000) - 1000
    single = batch.events == 1
    plan = PublishingPlan(batch.events, batch.events, corrupt_probability=0, single=single)
    recent = Recent()
    return [
        handle(number, seed=seed, started_ms=started_ms, plan=plan, recent=recent).content
        for number in range(batch.requests)
    ]
