"""Why something can't be done now: one word for each cause, in logs and in the runbook."""

from enum import StrEnum


class Reason(StrEnum):
    """The cause of a 503, or of a batch that is given back.

    In a message it is followed by a colon and how the cause was noticed.
    ``docs/operations.md`` has a row for each.
    """

    BROKER_AWAY = "the broker is away"
    BROKER_SILENT = "the broker does not acknowledge"
    BROKER_REFUSES = "the broker refuses"
    REQUESTS = "too many requests in hand"
    LONG_HEADS = "too many long heads at once"
    BODIES = "too many bodies are on their way"
    WAITING_BODIES = "too many bodies wait for room"
    BYTES = "too many bytes in hand"
    DATABASE_AWAY = "the database can't be reached"
    DATABASE_FAILS = "the database can't do it now"
    OTHERS_STORE = "others store the same events at the same time"
    COPIES = "the copies of the database have not confirmed"
    NOT_KEPT = "what is settled can't be kept"
    QUEUE_REFUSES = "the queue refuses"
    QUEUE_SILENT = "the queue does not take it"
    QUEUE_AWAY = "the queue does not answer"
    TIME_IS_UP = "the time of the invocation is up"

    def of(self, how: str) -> str:
        """Write the cause with how it was noticed."""
        return f"{self}: {how}"
