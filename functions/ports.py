"""The functions' ports: a bus, and stores."""

from collections.abc import Sequence
from typing import Protocol

from functions.events import Source
from functions.events.rows import EventRow
from functions.messages import AcceptedBatch, DeadLetter, EnvelopeOutcome, Stored


class Bus(Protocol):
    """Where events wait, on disk, for their collector."""

    @property
    def mass_bytes(self) -> int:
        """About how many compressed bytes the dead letter of one mass may have."""

    async def can_carry(self, event: bytes) -> bool:
        """Return whether an event, or a dead letter with it, is small enough to be published."""

    async def publish(self, source: Source, part: AcceptedBatch) -> None:
        """Put events on the broker's disk; ``can_carry`` was true of each large one.

        When this returns, losing every process loses none of them. The order of calls
        is not kept.

        Raises:
            Unavailable: Some or none of them are safe; repeating the call counts
                nothing twice.
        """

    async def publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Put dead letters on the broker's disk.

        Raises:
            Unavailable: Some or none of them are safe; repeating the call counts
                nothing twice.
        """


class DeadLetterStore(Protocol):
    """Where dead letters are stored."""

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store the dead letters of outcomes without rows, all or none, each once.

        The outcome of each envelope is counted in the ledger, in the same
        transaction; one whose envelope was settled before is skipped.

        Args:
            outcomes: In any order; may repeat one; may be empty.

        Returns:
            The counts of letters; those of envelopes settled before are duplicates.

        Raises:
            Unavailable: Nothing was stored; the same call may be repeated.
        """


class EventStore(DeadLetterStore, Protocol):
    """Where events are stored, with the rollups that reports read and the ledger."""

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        """Store events and dead letters, all or none, each once.

        What is new is counted in the rollups, and the outcome of each envelope in the
        ledger. When this returns all of it is committed. An event whose id is stored
        already stays unchanged; an outcome whose envelope was settled before is skipped.

        Args:
            outcomes: In any order; may repeat one; may be empty.

        Returns:
            The counts of rows; those of envelopes settled before are duplicates.

        Raises:
            Refused: Nothing was stored: the database will never accept this batch.
            Unavailable: Nothing was stored; the same call may be repeated.
        """

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        """Settle rows that came without an envelope."""

    async def probe(self, rows: Sequence[EventRow]) -> None:
        """Check whether the database would accept these rows, without changing anything.

        Raises:
            Refused: It would not.
            Unavailable: There is no answer now.
        """
