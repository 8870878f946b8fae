"""Run a schedule to its end, and return the violations."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from functions.events.rows import EventRow, event_key
from functions.messages import AcceptedBatch, Announcement, Envelope
from runtime.bus.envelopes import encode, encode_letters
from runtime.bus.manifests import write_manifest
from runtime.bus.settling import Settling
from tests.builders import NOON, a_facebook_event, a_letter, a_part, an_envelope, raw
from tests.doubles.fakes import FakeEventStore
from tests.faults.simulation import clock
from tests.faults.simulation.broker import SimulatedBroker
from tests.faults.simulation.collector import SimulatedCollector
from tests.faults.simulation.schedule import UNREADABLE, Chance, Kind, Schedule

_COLLECTORS = 2
_UNCOUNTED = 3
"""Each third message is of a gateway that counts nothing for the ledger."""

_DEATHS = 3
_PUBLISH_SECONDS = 2.0
_TRAFFIC_SECONDS = 5.0
_LIMIT_SECONDS = 1800.0
"""By then everything has settled: faults are few, and each costs at most half a minute."""


@dataclass(frozen=True, slots=True)
class Published:
    """A message.

    Attributes:
        data: Its bytes.
        is_readable: Whether it is an envelope.
        events: Its events by kind, key and JSON.
        counted: The envelope's id in the ledger; None of a gateway that counts nothing.
    """

    data: bytes
    is_readable: bool
    events: Sequence[tuple[Kind, bytes, bytes]]
    counted: bytes | None


@dataclass
class Broken:
    """The violations."""

    lost: list[str] = field(default_factory=list)
    acknowledged_early: list[int] = field(default_factory=list)
    dead_though_good: list[bytes] = field(default_factory=list)
    stored_though_bad: list[str] = field(default_factory=list)
    still_waiting: list[int] = field(default_factory=list)
    unbalanced: list[bytes] = field(default_factory=list)
    told_and_not_settled: list[bytes] = field(default_factory=list)


def play(schedule: Schedule, kind: type[Settling[Any, Any]] = Settling) -> Broken:
    """Publish to two collectors, inject the faults, and wait until everything has settled."""
    with structlog.testing.capture_logs():
        return clock.run(_World(schedule, kind).play())


class _World:
    def __init__(self, schedule: Schedule, kind: type[Settling[Any, Any]]) -> None:
        self._schedule = schedule
        self._kind = kind
        self._chance = Chance(schedule)
        self._broker = SimulatedBroker(self._chance)
        self._database = Database()
        self._marks: Counter[bytes] = Counter()
        self._published: list[Published] = []
        self._broken = Broken()

    async def play(self) -> Broken:
        stop = asyncio.Event()
        collectors = [
            SimulatedCollector(
                self._broker, self._database, self._marks, self._check_ack, self._kind
            )
            for _ in range(_COLLECTORS)
        ]
        running = [asyncio.create_task(collector.run(stop)) for collector in collectors]
        for number, kinds in enumerate(self._schedule.messages):
            self._publish(number, kinds)
            await asyncio.sleep(self._chance.seconds(_PUBLISH_SECONDS))
        await self._until_settled()
        stop.set()
        await asyncio.gather(*running)
        self._check_end()
        return self._broken

    async def _until_settled(self) -> None:
        """Publish good messages: a crash is a message's own fault only while others succeed."""
        clock_of = asyncio.get_running_loop().time
        while self._broker.waiting and clock_of() < _LIMIT_SECONDS:
            if not self._chance.random.randrange(3):
                self._publish(len(self._published), ("good",))
            await asyncio.sleep(_TRAFFIC_SECONDS)

    def _publish(self, number: int, kinds: Sequence[Kind]) -> None:
        events = list(_events(number, kinds, self._published))
        is_readable = kinds != UNREADABLE
        data = self._encode(events) if is_readable else b"unreadable %d" % number
        held = len(events) if is_readable else 1
        counted = number.to_bytes(16) if number % _UNCOUNTED else None
        headers = write_manifest(self._envelope(held, counted)) if counted else None
        self._published.append(Published(data, is_readable, events, counted))
        self._broker.put(data, headers)

    def _encode(self, events: Sequence[tuple[Kind, bytes, bytes]]) -> bytes:
        payloads = [json for _, _, json in events]
        if self._schedule.rejected:
            return encode_letters(
                [a_letter(payload=it, position=n) for n, it in enumerate(payloads)]
            )
        nothing = AcceptedBatch("teller", NOON, ())
        return encode("facebook", [a_part(json) for json in payloads] or [nothing])

    def _envelope(self, held: int, counted: bytes) -> Envelope:
        """Count a message, and announce all before it."""
        before = [(it.counted, len(it.events)) for it in self._published if it.counted]
        told = [Announcement(key, NOON, events, n) for n, (key, events) in enumerate(before)]
        return an_envelope(held, id=counted, announced=told, rejected=self._schedule.rejected)

    def _check_ack(self, sequence: int) -> None:
        if list(self._missing(self._published[sequence - 1])):
            self._broken.acknowledged_early.append(sequence)

    def _missing(self, message: Published) -> Iterator[str]:
        """Name the events of a message that are neither stored nor dead letters."""
        dead = self._database.dead
        if message.data in dead:
            return
        if not message.is_readable:
            yield message.data.decode()
        for kind, key, json in message.events:
            if key not in self._database.rows and json not in dead:
                yield f"{kind} {json!r}"

    def _check_end(self) -> None:
        broken, database = self._broken, self._database
        broken.still_waiting += self._broker.waiting
        for message in self._published:
            broken.lost += self._missing(message)
        broken.dead_though_good += database.dead - set(self._may_die())
        broken.stored_though_bad += [
            row.event_id
            for row in database.rows.values()
            if _is(row, "refused", "poison", "invalid", "deadly")
        ]
        broken.told_and_not_settled += database.told - set(database.ledger)
        broken.unbalanced += [
            message.counted
            for message in self._published
            if message.counted and not database.balances(message.counted)
        ]

    def _may_die(self) -> Iterator[bytes]:
        """Return the bytes that may be dead letters: bad ones, and those near too many crashes.

        A message looks deadly if three processes ended while they had it, whatever ended them.
        """
        faults = self._schedule.faults
        crashes = any(fault.what == "crashes" for fault in faults)
        left_marks = [
            fault
            for fault in faults
            if "killed" in fault.what or (fault.place, fault.what) == ("mark", "answer lost")
        ]
        all_may = crashes or len(left_marks) >= _DEATHS
        for message in self._published:
            kinds = {kind for kind, _, _ in message.events}
            if not message.is_readable or kinds & {"poison", "deadly"} or all_may:
                yield message.data
            all_die = self._schedule.rejected
            yield from (
                json
                for kind, _, json in message.events
                if all_die or kind in ("invalid", "refused")
            )


class Database(FakeEventStore):
    """Refuses rows that are marked so, and crashes on poison."""

    def __init__(self) -> None:
        super().__init__(refuses=lambda row: _is(row, "refused"))

    @property
    def dead(self) -> set[bytes]:
        """The bytes of all dead letters."""
        letters: dict[UUID, bytes] = {key: letter.payload for key, letter in self.letters.items()}
        return set(letters.values())

    def balances(self, envelope: bytes) -> bool:
        """Return whether the ledger accounts for each event of an envelope."""
        accepted, *became = self.ledger.get(envelope, (-1,))
        return accepted == sum(became)

    async def probe(self, rows: Sequence[EventRow]) -> None:
        if any(_is(row, "poison") for row in rows):
            raise ZeroDivisionError
        await super().probe(rows)


def _is(row: EventRow, *kinds: str) -> bool:
    return row.event_id.partition("-")[0] in kinds


def _events(
    number: int, kinds: Sequence[Kind], before: Sequence[Published]
) -> Iterator[tuple[Kind, bytes, bytes]]:
    for position, kind in enumerate(kinds):
        if kind == "none":
            continue
        if kind == "repeated":
            good = [each for message in before for each in message.events if each[0] == "good"]
            yield from good[:1]
            continue
        event_id = f"{kind}-{number}-{position}"
        fields = {"user": {"age": "old"}} if kind == "invalid" else {}
        json = raw(a_facebook_event(eventId=event_id, **fields))
        yield kind, event_key("facebook", event_id), json
