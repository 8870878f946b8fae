"""The outcome of a request, and the answer that its platform expects."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from functions.senders.adapting import Refused

MAX_REFUSED = 100
"""The maximum number of refused parts listed in an answer."""


@dataclass(slots=True)
class Taken:
    """The outcome of a request's parts: records and dead letters are on the broker's disk.

    Attributes:
        kinds: How many parts became a record of each kind, were ``refused``, or ``skipped``.
        skipped: How many were skipped for each reason.
        refused: The refused ones in their order, ``MAX_REFUSED`` at most.
        secret: Which secret proved the request; see ``Adapted``.
        reply: What the answer says beside; see ``Adapted``.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    secret: int | None = None
    reply: Mapping[str, str] | None = None

    @property
    def records(self) -> int:
        """The number of records."""
        return self.kinds.total() - self.kinds["refused"] - self.kinds["skipped"]


class Answer(NamedTuple):
    """An answer.

    Attributes:
        status: HTTP's.
        body: JSON, or text; None for an empty one.
    """

    status: int
    body: Any = None


def empty(_taken: Taken, _correlation_id: str) -> Answer:
    """Answer as webhooks are: exactly 200, whatever became of the parts, and nothing else."""
    return Answer(HTTPStatus.OK)


Respond = Callable[[Taken, str], Answer]
"""Takes the outcome of the request, and its correlation id."""

Explain = Callable[[int, str, str], Any]
"""Takes an error's status, its message and the correlation id; returns the body, JSON."""
