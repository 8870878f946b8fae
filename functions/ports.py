"""What the functions need of the world: a bus, and stores."""

from collections.abc import Sequence
from typing import Protocol

from functions.events import Source
from functions.events.rows import EventRow
from functions.messages import AcceptedBatch, DeadLetter, EnvelopeOutcome, Stored


class Bus(Protocol):
    """Where events wait, on disk, for their collector."""

    @property
    def mass_bytes(self) -> int:
        """About how many packed bytes the dead letter of a mass may have; then the next begins."""

    async def can_carry(self, event: bytes) -> bool:
        """Tell whether an event, or a dead letter with it, is small enough to be published."""

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Put events on the broker's disk; the bus was asked of each large one.

        When this returns, losing every process loses none of them. The order
        among calls is not kept.

        Raises:
            Unavailable: Some or none of them are safe; the same call may come
                again and doubles nothing.
        """

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk.

        Raises:
            Unavailable: Some or none of them are safe; the same call may come
                again and doubles nothing.
        """


class DeadLetterStore(Protocol):
    """Where dead letters are kept."""

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store the dead letters of outcomes without rows, all or none, each once.

        The outcome of each envelope is counted in the ledger, in the same
        transaction; of one that was settled before, nothing is looked at.

        Args:
            outcomes: In any order; may repeat one; may be empty.

        Returns:
            What became of the letters; those of envelopes settled before are duplicates.

        Raises:
            Unavailable: Nothing was stored; the same call may come again.
        """


class EventStore(DeadLetterStore, Protocol):
    """Where events are kept, with the figures that reports read and the ledger."""

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store events and dead letters, all or none, each once.

        What is new is counted in the rollups, and the outcome of each envelope
        in the ledger. When this returns all of it is committed. An event that
        is there already, by its id, stays as it is; of an envelope that was
        settled before, nothing is looked at.

        Args:
            outcomes: In any order; may repeat one; may be empty.

        Returns:
            What became of the rows; those of envelopes settled before are duplicates.

        Raises:
            Refused: Nothing was stored: the database will never keep this batch.
            Unavailable: Nothing was stored; the same call may come again.
        """

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Settle rows that came in no envelope."""

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Find out whether the database would keep these rows; change nothing.

        Raises:
            Refused: It would not.
            Unavailable: There is no answer now.
        """
