"""Dead letters of events that the database does not accept."""

from functions.errors import Fault
from functions.events.rows import EventRow
from functions.messages import DeadLetter, Reason


def letter_of(row: EventRow, reason: Reason, fault: Fault) -> DeadLetter:
    """Make the dead letter of a valid event that will never be a row.

    The same event is the same letter, whichever request it came in.
    """
    return DeadLetter(
        reason=reason,
        fault=fault,
        payload=row.payload.encode(),
        position=0,
        source=row.source,
        event_id=row.event_id,
        correlation_id=row.correlation_id,
        accepted_at=row.accepted_at,
        trace_parent=row.trace_parent,
    )
