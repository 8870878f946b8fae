"""What is done with the messages of a queue, whatever transport brings them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from functions.errors import Fault
from functions.events import Source
from functions.ports import DeadLetter, Delivery
from runtime.bus.manifests import Headers

Item = TypeVar("Item")


class Attempts(Protocol):
    """Remembers, beyond a process's end, which messages it was about to open."""

    async def begin(self, message_id: bytes) -> int:
        """Mark that a message is about to be opened.

        Returns:
            How many marks were left by others that began with it and never ended.

        Raises:
            Unavailable: It is not marked; nothing should be opened.
        """

    async def end(self, message_id: bytes) -> None:
        """Take all marks away: the process has outlived the message, whatever became of it.

        Raises:
            Unavailable: They may be there still.
        """


class NoAttempts:
    """Remembers nothing: for queues that set a message aside themselves."""

    async def begin(self, message_id: bytes) -> int:  # noqa: ARG002 - as Attempts says
        """See ``Attempts``."""
        return 0

    async def end(self, message_id: bytes) -> None:
        """See ``Attempts``."""


@dataclass(frozen=True, slots=True)
class Work(Generic[Item]):
    """What a consumer does with its messages.

    Attributes:
        source: Whose events they are; None when they may be any's.
        decode: Reads a message, its headers and how it came; raises ``UnreadableEnvelope``.
        handle: Takes all items of a batch; returns when they are committed.
        bury: Stores the dead letter of a whole message, which had these headers.
        attempts: Remembers the messages that may end the process.
        requests: Names the requests that items came with, for the log; each once, in order.
    """

    source: Source | None
    decode: Callable[[bytes, Headers, Delivery], Sequence[Item]]
    handle: Callable[[Sequence[Item]], Awaitable[None]]
    bury: Callable[[DeadLetter, Headers], Awaitable[None]]
    attempts: Attempts = field(default_factory=NoAttempts)
    requests: Callable[[Sequence[Item]], list[str]] = lambda _items: []


def unreadable(source: Source | None, data: bytes, why: str, *, came_at: datetime) -> DeadLetter:
    """Make the dead letter of a whole message.

    Args:
        source: Whose events it should hold, if that is known.
        data: Its bytes.
        why: What is wrong with it, in words for a person.
        came_at: When the transport took it, UTC.
    """
    return DeadLetter(
        reason="unreadable",
        fault=Fault("", "envelope", why),
        payload=data,
        position=0,
        source=source,
        event_id=None,
        correlation_id=None,
        accepted_at=came_at,
    )
