"""Manifests: what a gateway counted of an envelope, in a header of its message.

In a header, so that the ledger knows how many events an unreadable message had.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Final, NamedTuple, Protocol
from uuid import UUID, uuid4

import msgspec

from functions.events import Source
from functions.messages import DeadLetter, Envelope, Part, Told

Headers = Mapping[str, str] | None

MESSAGE_ID: Final = "Nats-Msg-Id"
MANIFEST: Final = "Eps-Manifest"
ENVELOPE_ID: Final = "Eps-Envelope-Id"
"""The id of an envelope whose message comes again under another id: that of a replay."""

NO_PLACE: Final = 2**63 - 1
"""Stands for the place in a queue that has none: it is never known to lie
behind, so what is told of stays in flight until it is settled."""

_TOLD: Final = 8
"""How many envelopes an envelope tells of: so many in a row would have to be
lost before one of them is not missed."""

_TOLD_SECONDS: Final = 86_400.0
"""How long an envelope is told of again: the ledger remembers for seven times as
long what was settled, so nobody tells of what it has forgotten."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Events = Annotated[int, msgspec.Meta(ge=0)]


class _Told(msgspec.Struct, array_like=True):
    id: UUID
    minute: _Moment
    events: _Events
    sequence: _Events


class _Manifest(msgspec.Struct, omit_defaults=True):
    instance: UUID
    minute: _Moment
    events: _Events
    told: list[_Told]
    source: Source | None = None


_MANIFESTS: Final = msgspec.json.Decoder(_Manifest)


def write_manifest(envelope: Envelope) -> dict[str, str]:
    """Write the headers of an envelope's message."""
    manifest = _Manifest(
        UUID(bytes=envelope.instance),
        envelope.minute,
        envelope.events,
        [_Told(UUID(bytes=it.id), it.minute, it.events, it.sequence) for it in envelope.told],
        envelope.source if envelope.rejected else None,
    )
    return {
        MESSAGE_ID: envelope.id.hex(),
        MANIFEST: msgspec.json.encode(manifest).decode(),
    }


def read_manifest(source: Source | None, headers: Headers) -> Envelope | None:
    """Read the headers of an envelope's message; None where they count nothing.

    Args:
        source: Whose events come this way; None for rejected ones, whose manifest says it.
        headers: The message's.
    """
    try:
        known = headers or {}
        manifest = _MANIFESTS.decode(known.get(MANIFEST, ""))
        envelope_id = UUID(known.get(ENVELOPE_ID) or known.get(MESSAGE_ID, ""))
    except (msgspec.MsgspecError, ValueError):
        return None
    return Envelope(
        envelope_id.bytes,
        source or manifest.source,
        manifest.instance.bytes,
        manifest.minute,
        manifest.events,
        [Told(it.id.bytes, it.minute, it.events, it.sequence) for it in manifest.told],
        rejected=source is None,
    )


class _Taken(Protocol):
    """Something that came in a request."""

    @property
    def accepted_at(self) -> datetime: ...


def minute_of(taken: _Taken) -> datetime:
    """Tell the minute in which the gateway took something, by its first instant."""
    return taken.accepted_at.replace(second=0, microsecond=0)


class Line(NamedTuple):
    """Envelopes that tell of each other: those of one source, accepted or rejected."""

    source: Source | None
    rejected: bool


class _Acknowledged(NamedTuple):
    told: Told
    at_seconds: float


class Counted:
    """What one process of the gateway has counted, for the ledger.

    Args:
        now: Tells the time in seconds since whenever, steadily: how long ago the
            broker took an envelope is never asked of a clock that somebody sets.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._instance = uuid4().bytes
        self._last: defaultdict[Line, deque[_Acknowledged]] = defaultdict(
            partial(deque, maxlen=_TOLD)
        )
        self._last_told: dict[Line, bytes] = {}

    def accepted(self, source: Source, parts: Sequence[Part]) -> Envelope:
        """Count parts, all of one minute, that will travel together."""
        events = sum(len(part.events) for part in parts)
        return self._envelope(Line(source, rejected=False), minute_of(parts[0]), events)

    def rejected(self, source: Source | None, letters: Sequence[DeadLetter]) -> Envelope:
        """Count the events of dead letters, all of one minute, that will travel together."""
        events = sum(letter.elements for letter in letters)
        return self._envelope(Line(source, rejected=True), minute_of(letters[0]), events)

    def teller(self, line: Line) -> Envelope:
        """Make an envelope without events, that tells of the last ones of a line that has some."""
        return self._envelope(line, self._last[line][-1].told.minute, 0)

    def untold(self) -> dict[Line, bytes]:
        """Name each line whose last envelope no other that the broker has tells of, and its id."""
        last = {line: each[-1].told.id for line, each in self._last.items()}
        return {line: key for line, key in last.items() if self._last_told.get(line) != key}

    def acknowledged(self, envelope: Envelope, sequence: int) -> None:
        """Note that the broker has an envelope: those that follow tell of it.

        One that is not acknowledged may be on the broker too. Nobody tells of
        it then, and it is counted when it is settled. Nor does anybody tell of
        one without events: nothing is lost with it.
        """
        line = Line(envelope.source, envelope.rejected)
        if envelope.told:
            self._last_told[line] = envelope.told[-1].id
        if envelope.events:
            told = Told(envelope.id, envelope.minute, envelope.events, sequence)
            self._last[line].append(_Acknowledged(told, self._now()))

    def _envelope(self, line: Line, minute: datetime, events: int) -> Envelope:
        return Envelope(
            uuid4().bytes,
            line.source,
            self._instance,
            minute,
            events,
            tuple(self._to_tell(line)),
            line.rejected,
        )

    def _to_tell(self, line: Line) -> Iterator[Told]:
        """Give the last ones of a line: of a day, or that nobody has told of."""
        since, last_told = self._now() - _TOLD_SECONDS, self._last_told.get(line)
        last = self._last.get(line, ())
        told = [it.told.id for it in last]
        first_untold = told.index(last_told) + 1 if last_told in told else 0
        for place, it in enumerate(last):
            if it.at_seconds >= since or place >= first_untold:
                yield it.told
