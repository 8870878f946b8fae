"""The rejected events of one request: a dead letter each, then masses."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from functions.events.judging import why_dead
from functions.letters import letter_of_event, letter_of_mass
from functions.masses import Mass
from functions.messages import AcceptedBatch, DeadLetter
from functions.senders import Channel

MAX_LETTERS: Final = 1000
"""How many rejected events of a request have a dead letter each. A body can hold
millions, and a letter has some hundred bytes besides the event."""


class Origin(NamedTuple):
    """The facts that all events of a request share."""

    correlation_id: str
    accepted_at: datetime
    trace_parent: str | None
    channel: Channel = "native"

    def part(self, events: Sequence[bytes]) -> AcceptedBatch:
        """Make a batch of valid events."""
        return AcceptedBatch(
            self.correlation_id,
            self.accepted_at,
            events,
            trace_parent=self.trace_parent,
            channel=self.channel,
        )


class Rejections:
    """Counts the dead letters of a request, and gathers those beyond ``MAX_LETTERS`` in masses.

    Args:
        origin: The request's facts, for its masses.
        mass_bytes: About how many compressed bytes one mass may have.
    """

    def __init__(self, origin: Origin, mass_bytes: int) -> None:
        self._origin = origin
        self._mass_bytes = mass_bytes
        self._letters = 0
        self._mass: Mass | None = None
        self._index = 0

    @property
    def are_many(self) -> bool:
        """Whether further events have no letter of their own."""
        return self._letters >= MAX_LETTERS

    def alone(self) -> None:
        """Count a rejected event that has a separate letter."""
        self._letters += 1

    def together(self, elements: Sequence[bytes], index: int) -> Iterator[DeadLetter]:
        """Add elements without separate letters, the first of them at that position.

        Yields:
            The letter of a mass that has no room for them.
        """
        size = sum(map(len, elements))
        if self._mass and self._mass.packed_bytes + size > self._mass_bytes:
            yield from self.finish()
        if self._mass is None:
            self._mass, self._index = Mass(), index
        self._mass.add(elements)

    def finish(self) -> Iterator[DeadLetter]:
        """Finish the mass, if there is one; a single element becomes an ordinary letter."""
        mass, self._mass = self._mass, None
        if mass is None:
            return
        if mass.elements == 1:
            invalid = why_dead(mass.first, mass.fault)
            yield letter_of_event(self._origin, mass.first, self._index, invalid)
        else:
            yield letter_of_mass(self._origin, mass, self._index)
