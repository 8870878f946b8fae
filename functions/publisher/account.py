"""The account of a run: requests sent, answers received, and a summary."""

from collections import Counter
from typing import Final, TypedDict

from functions.publisher.latencies import Latencies, LatencySummary
from functions.publisher.tally import Ledger, Manifest, Section

ERROR: Final = "error"
"""The status of a request that got no answer."""

_READ_STATUSES: Final = ("2", "422")
"""Answers of a gateway that read the body and judged its events."""


class Acknowledged(Section):
    """Distinct valid events of the requests answered 2xx.

    Attributes:
        invalid: Invalid events of the requests answered 2xx or 422.
    """

    invalid: int


class Summary(TypedDict):
    """The result of a run.

    Attributes:
        requests: Requests sent, including refused and unanswered ones.
        byStatus: Requests by HTTP status; ``error`` if no answer came.
        commonestError: Why most of those got none, in words; None if all were answered.
        eventsSent: Valid and invalid, including repeats.
        valid: Valid events sent, including repeats.
        invalid: Invalid events sent.
        duplicates: Valid events sent that repeat an earlier one.
        durationSeconds: From the first request sent to the last answer.
        eventsPerSecond: Events of answered requests, whatever the answer.
        latencyMilliseconds: Of answered requests, whatever the answer.
        seed: None if there was none, and the run can't be repeated.
        distinct: Distinct valid events sent.
        acknowledged: Distinct valid events carried by at least one request answered 2xx.
    """

    requests: int
    byStatus: dict[str, int]
    commonestError: str | None
    eventsSent: int
    valid: int
    invalid: int
    duplicates: int
    durationSeconds: float
    eventsPerSecond: float
    latencyMilliseconds: LatencySummary
    seed: int | None
    distinct: Section
    acknowledged: Acknowledged


class Account:
    """Counts a run as it goes, in memory bounded by the requests in flight.

    Times are seconds of any one clock.

    Attributes:
        requests: Requests sent.
        events: Events sent.
        by_status: Requests answered, by status.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.events = 0
        self.by_status: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._answered_events = 0
        self._first_sent_at = 0.0
        self._last_answered_at = 0.0
        self._invalid = 0
        self._duplicates = 0
        self._acknowledged_invalid = 0
        self._latencies = Latencies()
        self._sent = Ledger()
        self._acknowledged = Ledger()
        self._in_flight: Counter[int] = Counter()

    def sent(self, manifest: Manifest, *, at: float) -> None:
        """Count a request that was sent; call it in the order of their making."""
        if not self.requests:
            self._first_sent_at = self._last_answered_at = at
        self.requests += 1
        self.events += manifest.events
        self._invalid += manifest.invalid
        self._duplicates += manifest.duplicates
        self._in_flight[manifest.oldest_shared] += 1
        self._sent.enter(manifest, oldest_shared=manifest.oldest_shared)

    def answered(self, manifest: Manifest, status: str, *, sent_at: float, at: float) -> None:
        """Count the outcome of a sent request, once.

        Args:
            manifest: What it carried.
            status: The HTTP status in digits, or ``ERROR``.
            sent_at: When it was sent.
            at: When its answer had been read, or it was given up.
        """
        self.by_status[status] += 1
        self._last_answered_at = at
        if status != ERROR:
            self._latencies.add(at - sent_at)
            self._answered_events += manifest.events
        if status.startswith(_READ_STATUSES):
            self._acknowledged_invalid += manifest.invalid
        if status.startswith("2"):
            self._acknowledged.enter(manifest, oldest_shared=min(self._in_flight))
        self._in_flight[manifest.oldest_shared] -= 1
        if not self._in_flight[manifest.oldest_shared]:
            del self._in_flight[manifest.oldest_shared]

    def failed(self, why: str) -> None:
        """Record why a request got no answer, in words of a small fixed set."""
        self._errors[why] += 1

    def progress(self, *, at: float) -> str:
        """Summarize the run so far in one line."""
        seconds = at - self._first_sent_at if self.requests else 0.0
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(self.by_status.items()))
        return (
            f"{self.requests} requests, {self.events} events, "
            f"{self._rate(seconds):.0f} events/s, {statuses or 'no answer yet'}"
        )

    def summary(self, *, seed: int | None) -> Summary:
        """Summarize the run."""
        seconds = self._last_answered_at - self._first_sent_at
        return {
            "requests": self.requests,
            "byStatus": dict(sorted(self.by_status.items())),
            "commonestError": next((why for why, _ in self._errors.most_common(1)), None),
            "eventsSent": self.events,
            "valid": self.events - self._invalid,
            "invalid": self._invalid,
            "duplicates": self._duplicates,
            "durationSeconds": round(seconds, 3),
            "eventsPerSecond": round(self._rate(seconds), 1),
            "latencyMilliseconds": self._latencies.summary(),
            "seed": seed,
            "distinct": self._sent.tally.section(),
            "acknowledged": {
                **self._acknowledged.tally.section(),
                "invalid": self._acknowledged_invalid,
            },
        }

    def _rate(self, seconds: float) -> float:
        return self._answered_events / seconds if seconds > 0 else 0.0
