"""Why something can't be done now: one word for each cause, in logs and in the runbook."""

from enum import StrEnum


class Reason(StrEnum):
    """The cause of a 503, or of a returned batch.

    In a message it is followed by a colon and how the cause was noticed.
    ``docs/operations.md`` has a row for each.
    """

    BROKER_AWAY = "the broker can't be reached"
    BROKER_SILENT = "the broker does not acknowledge"
    BROKER_REFUSES = "the broker refuses"
    REQUESTS = "too many requests in progress"
    LONG_HEADS = "too many requests with long headers"
    BODIES = "too many bodies are arriving"
    WAITING_BODIES = "too many bodies wait for room"
    BYTES = "too many bytes of bodies in memory"
    DATABASE_AWAY = "the database can't be reached"
    DATABASE_FAILS = "the database failed for now"
    OTHERS_STORE = "another process is storing the same events"
    COPIES = "the replicas of the database have not confirmed"
    NOT_KEPT = "settled messages can't be kept"
    QUEUE_REFUSES = "the queue refuses"
    QUEUE_SILENT = "the queue accepts nothing"
    QUEUE_AWAY = "the queue does not answer"
    TIME_IS_UP = "the invocation's time is up"

    def of(self, how: str) -> str:
        """Write the cause with how it was noticed."""
        return f"{self}: {how}"
