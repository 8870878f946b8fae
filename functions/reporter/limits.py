"""The limits of the pipeline's checks, equal to those of the alerts; a test compares them."""

from dataclasses import dataclass
from typing import Final

from functions.reporter.ledger_report import MEASURED_SECONDS


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit for a check's value.

    Attributes:
        bound: The check fails above it.
        alert: The alert with the same limit; empty if there is none.
        section: Of ``docs/operations.md``.
        is_floor: Whether the check fails below it instead.
    """

    bound: float
    alert: str
    section: str
    is_floor: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a value is within the limit."""
        return value >= self.bound if self.is_floor else value <= self.bound

    @property
    def runbook(self) -> str:
        """The link to the instructions, as in the alerts."""
        return f"docs/operations.md#{self.section}"


MISSED_EVENTS: Final = Limit(0, "LedgerImbalance", "the-ledger-does-not-balance")
FRESHNESS_SECONDS: Final = Limit(5, "EventsLate", "events-come-late")
OLDEST_EVENT_SECONDS: Final = Limit(30, "EventsLate", "events-come-late")
OLDEST_LETTER_SECONDS: Final = Limit(60, "BacklogGrowing", "the-backlog-grows")
SILENT_SECONDS: Final = Limit(MEASURED_SECONDS, "", "a-function-is-down")
OWN_FAULTS: Final = Limit(0, "DeadLettersAppear", "dead-letters-appear")
SUMMARIES: Final = Limit(0, "DeadLettersFull", "dead-letters-have-no-room")
REJECTED_RATIO: Final = Limit(0.01, "DeadLettersAppear", "dead-letters-appear")
CLOCK_SECONDS: Final = Limit(60, "ClocksDiffer", "clocks-differ")
DISK_RATIO: Final = Limit(0.8, "DatabaseDiskFilling", "a-disk-fills")
DISK_DAYS: Final = Limit(4, "DatabaseDiskFilling", "a-disk-fills", is_floor=True)
UNREADY_GATEWAYS: Final = Limit(0, "", "a-function-is-down")
REFUSED_REQUESTS: Final = Limit(0, "GatewayRefuses", "the-gateway-answers-503")
NOT_DURABLE_GATEWAYS: Final = Limit(0, "", "a-202-does-not-mean-disk")
ANSWER_SECONDS: Final = Limit(5, "", "a-function-is-down")
"""How long the database's answer may take; then the wait ends."""

WINDOW_SECONDS: Final = 15 * 60
"""How far back dead letters and rejected events count, as in the alerts."""

FRESHNESS_WINDOW_SECONDS: Final = 5 * 60
"""How far back stored events count, as in the alert."""
