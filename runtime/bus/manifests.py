"""Manifests: a gateway's count of an envelope, in a header of its message.

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
from functions.messages import AcceptedBatch, Announcement, DeadLetter, Envelope

Headers = Mapping[str, str] | None

MESSAGE_ID: Final = "Nats-Msg-Id"
"""The id of a message on NATS, equal to its envelope's unless it is replayed."""

MANIFEST: Final = "Eps-Manifest"
ENVELOPE_ID: Final = "Eps-Envelope-Id"
"""The id of an envelope on a bus other than NATS, and on NATS of a replayed one, whose message
has another id."""

NO_PLACE: Final = 2**63 - 1
"""The sequence in a queue that has none: it is never known to lie behind, so an announced
envelope stays in flight until it is settled."""

_ANNOUNCED: Final = 8
"""How many envelopes an envelope announces: so many in a row would have to be lost before
one of them is not missed."""

_ANNOUNCED_SECONDS: Final = 86_400.0
"""How long an envelope is announced: the ledger remembers settled ones for seven times as
long, so no forgotten envelope is announced."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Events = Annotated[int, msgspec.Meta(ge=0)]


class _Announcement(msgspec.Struct, array_like=True):
    id: UUID
    minute: _Moment
    events: _Events
    sequence: _Events


class _Manifest(msgspec.Struct, omit_defaults=True):
    instance: UUID
    minute: _Moment
    events: _Events
    announced: list[_Announcement]
    source: Source | None = None


_MANIFESTS: Final = msgspec.json.Decoder(_Manifest)


def write_manifest(envelope: Envelope, id_header: str = MESSAGE_ID) -> dict[str, str]:
    """Write the headers of an envelope's message.

    Args:
        envelope: Its count.
        id_header: Which header has its id: NATS's own, by which NATS drops a repeated
            message, or ``ENVELOPE_ID`` on any other bus.
    """
    manifest = _Manifest(
        UUID(bytes=envelope.instance),
        envelope.minute,
        envelope.events,
        [
            _Announcement(UUID(bytes=it.id), it.minute, it.events, it.sequence)
            for it in envelope.announced
        ],
        envelope.source if envelope.rejected else None,
    )
    return {
        id_header: envelope.id.hex(),
        MANIFEST: msgspec.json.encode(manifest).decode(),
    }


def read_manifest(source: Source | None, headers: Headers) -> Envelope | None:
    """Read the headers of an envelope's message; None if they have no count.

    Args:
        source: The source of the subject; None for rejected events, whose manifest names it.
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
        [Announcement(it.id.bytes, it.minute, it.events, it.sequence) for it in manifest.announced],
        rejected=source is None,
    )


class _Taken(Protocol):
    """Something that was accepted with a request."""

    @property
    def accepted_at(self) -> datetime: ...


def minute_of(taken: _Taken) -> datetime:
    """Return the minute in which the gateway accepted something, by its first instant."""
    return taken.accepted_at.replace(second=0, microsecond=0)


class Lane(NamedTuple):
    """Envelopes that announce each other: those of one source, accepted or rejected."""

    source: Source | None
    rejected: bool


class _Acknowledged(NamedTuple):
    announced: Announcement
    at_seconds: float


class Counted:
    """The counts of one gateway process, for the ledger.

    Args:
        now: Monotonic seconds: the age of an envelope must not depend on a clock
            that can be set.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._instance = uuid4().bytes
        self._last: defaultdict[Lane, deque[_Acknowledged]] = defaultdict(
            partial(deque, maxlen=_ANNOUNCED)
        )
        self._last_announced: dict[Lane, bytes] = {}

    def accepted(self, source: Source, parts: Sequence[AcceptedBatch]) -> Envelope:
        """Count batches, all of one minute, that will travel together."""
        events = sum(len(part.events) for part in parts)
        return self._envelope(Lane(source, rejected=False), minute_of(parts[0]), events)

    def rejected(self, source: Source | None, letters: Sequence[DeadLetter]) -> Envelope:
        """Count the events of dead letters, all of one minute, that will travel together."""
        events = sum(letter.elements for letter in letters)
        return self._envelope(Lane(source, rejected=True), minute_of(letters[0]), events)

    def announcing_envelope(self, lane: Lane) -> Envelope:
        """Make an empty envelope that announces the latest ones of a lane that has some."""
        return self._envelope(lane, self._last[lane][-1].announced.minute, 0)

    def unannounced(self) -> dict[Lane, bytes]:
        """List the lanes whose latest stored envelope no later one has announced, with its id."""
        last = {lane: each[-1].announced.id for lane, each in self._last.items()}
        return {lane: key for lane, key in last.items() if self._last_announced.get(lane) != key}

    def acknowledged(self, envelope: Envelope, sequence: int) -> None:
        """Record that the broker has an envelope, so that later ones announce it.

        An unacknowledged one may also be on the broker. It is not announced then, and is
        counted when it is settled. Nor is one without events: nothing is lost with
        it.
        """
        lane = Lane(envelope.source, envelope.rejected)
        if envelope.announced:
            self._last_announced[lane] = envelope.announced[-1].id
        if envelope.events:
            announced = Announcement(envelope.id, envelope.minute, envelope.events, sequence)
            self._last[lane].append(_Acknowledged(announced, self._now()))

    def _envelope(self, lane: Lane, minute: datetime, events: int) -> Envelope:
        return Envelope(
            uuid4().bytes,
            lane.source,
            self._instance,
            minute,
            events,
            tuple(self._to_announce(lane)),
            lane.rejected,
        )

    def _to_announce(self, lane: Lane) -> Iterator[Announcement]:
        """Return a lane's latest envelopes: those of a day, or not announced yet."""
        since, last_announced = self._now() - _ANNOUNCED_SECONDS, self._last_announced.get(lane)
        last = self._last.get(lane, ())
        announced = [it.announced.id for it in last]
        first_unannounced = (
            announced.index(last_announced) + 1 if last_announced in announced else 0
        )
        for place, it in enumerate(last):
            if it.at_seconds >= since or place >= first_unannounced:
                yield it.announced
