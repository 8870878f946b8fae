"""The input and output of an adapter: one request of a platform in, outcomes out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from functions.errors import Fault
from functions.events import Source
from functions.senders.canonical import Record

SkipReason = Literal[
    "unmapped", "own_page_activity", "no_payment", "edited", "visibility", "wrong_subscription"
]
"""Why a part of a delivery is no event of ours: nothing like it is counted; the page's own
doing; an order's state that is no payment; a change that neither adds nor removes; a
subscription that sends no data, and should be set up differently."""

ProofFault = Literal["missing", "malformed", "mismatch", "expired"]


class Headers(Protocol):
    """A request's headers."""

    def get(self, name: str, default: str, /) -> str:
        """Look a header up by its lower-case name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A platform's request.

    Attributes:
        headers: The request's.
        query: The query's names and values, decoded, in order.
        path: The values of the path's parameters.
        body: The raw bytes: what a signature is over.
        now: When it arrived, UTC.
    """

    headers: Headers
    query: Sequence[tuple[str, str]]
    path: Mapping[str, Any]
    body: bytes
    now: datetime


@dataclass(frozen=True, slots=True)
class Trust:
    """The secrets for checking proofs, and the pepper for hiding users.

    Attributes:
        pepper: The secret of all users' keys, at least 32 bytes.
        secrets: Those that the platform signs with, newest first.
        options: The sender's other settings, by field.
        admits: Says whether a token is one of the ingest keys; None if there are none,
            so that everybody may send.
    """

    pepper: bytes
    secrets: Sequence[bytes] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    admits: Callable[[bytes], bool] | None = None


class Refused(NamedTuple):
    """A part of an authentic request that can't be mapped; it becomes a dead letter.

    Attributes:
        position: Its place in the request, from 0.
        fault: Why.
        payload: The kept part: JSON without anything personal.
        source: The platform.
    """

    position: int
    fault: Fault
    payload: bytes
    source: Source


class Skipped(NamedTuple):
    """A part of an authentic request that is no event of ours; it is only counted."""

    reason: SkipReason
    platform_event: str


Outcome = Record | Refused | Skipped


class Adapted(NamedTuple):
    """An authentic, readable request.

    Attributes:
        outcomes: The outcomes of its parts, in order, each made on demand.
        secret: Which of the secrets proved it, 0 for the newest; None if it was a key.
        reply: What the answer says beside, if its platform wants to know something.
    """

    outcomes: Iterator[Outcome]
    secret: int | None = None
    reply: Mapping[str, str] | None = None


class BadProof(Exception):
    """The request is not proven to be the platform's; nothing of it was read further."""

    def __init__(self, fault: ProofFault) -> None:
        super().__init__(fault)
        self.fault = fault


class Malformed(Exception):
    """The request is authentic, but can't be read at all; its sender gets an error."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Unmappable(Exception):
    """A part can't be mapped; an adapter makes it ``Refused``."""

    def __init__(self, field_: str, code: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(field_, code, message)


Adapter = Callable[[Call, Trust], Adapted]
"""Raises ``BadProof`` and ``Malformed`` before it returns, and nothing else."""
