"""A gateway's process: the real bus, group commit and manifests, on a simulated connection."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, cast

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import ServiceUnavailableError

from functions.errors import Unavailable
from functions.events.rows import event_key
from functions.messages import Envelope
from runtime.bus.manifests import MESSAGE_ID, read_manifest
from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker
from tests.builders import a_facebook_event, a_letter, a_part, raw
from tests.faults.simulation.broker import SimulatedBroker, Waiting
from tests.faults.simulation.clocks import Wall
from tests.faults.simulation.schedule import Chance
from tests.faults.simulation.story import Story

_PUBLISH_SECONDS: Final = 5.0
_LATENCY_SECONDS: Final = 0.05
_LOSES_WITHIN_SECONDS: Final = 0.3
_PLENTY: Final = 64 * 1024**2


@dataclass
class Kept:
    """A message that the broker has acknowledged, or would have.

    Attributes:
        envelope: Its gateway's counts.
        data: Its bytes.
        is_lost: Whether the broker lost it before it was settled.
    """

    envelope: Envelope
    data: bytes
    is_lost: bool = False


@dataclass
class Promised:
    """An event whose sender got a 202: its key, or its bytes if it was rejected."""

    key: bytes
    data: bytes


class LossyBroker(SimulatedBroker):
    """Stores each message once by its id, has a clock, and loses some messages.

    Attributes:
        kept: All messages that it ever had, by their sequence.
    """

    def __init__(self, story: Story, chance: Chance, wall: Wall) -> None:
        super().__init__(chance)
        self.kept: dict[int, Kept] = {}
        self.wall = wall
        self._lost = story.lost
        self._source = None if story.schedule.rejected else "facebook"
        self._ids: dict[str, int] = {}
        self._with_events = 0

    @property
    def last_sequence(self) -> int:
        """Return how many messages were published."""
        return len(self.kept)

    def take(self, data: bytes, headers: dict[str, str]) -> int:
        """Store a message, unless it is stored already; return its sequence."""
        known = self._ids.get(headers[MESSAGE_ID])
        if known is not None:
            return known
        sequence = self._ids[headers[MESSAGE_ID]] = self.last_sequence + 1
        envelope = cast("Envelope", read_manifest(cast("Any", self._source), headers))
        self.kept[sequence] = Kept(envelope, data)
        at = self.wall.now().timestamp()
        self.waiting[sequence] = Waiting(data, headers, published_at=at)
        if envelope.events:
            if self._with_events in self._lost:
                delay = self.chance.seconds(_LOSES_WITHIN_SECONDS)
                asyncio.get_running_loop().call_later(delay, self._lose, sequence)
            self._with_events += 1
        return sequence

    def _lose(self, sequence: int) -> None:
        if self.waiting.pop(sequence, None):
            self.kept[sequence].is_lost = True


class Connection:
    """One process's connection: the parts that `JetStreamBus` and `watch_backlog` need."""

    def __init__(self, broker: LossyBroker) -> None:
        self._broker = broker
        self.client = self
        self.jetstream = self
        self.is_connected = True
        self.max_payload = _PLENTY
        self._is_alive = True

    def die(self) -> None:
        """Send and receive nothing more."""
        self._is_alive = False

    def seconds_disconnected(self) -> float:
        return 0.0

    async def check_stream(self, _stream: str) -> None:
        await self._travel()

    async def ask_stream(self, _stream: str) -> tuple[dict[str, Any], datetime]:
        await self._travel()
        found = {"state": {"last_seq": self._broker.last_sequence}}, self._broker.wall.now()
        await self._travel()
        return found

    async def consumer_info(self, _stream: str, _name: str) -> Any:
        await self._travel()
        return SimpleNamespace(
            ack_floor=None, num_pending=len(self._broker.waiting), num_ack_pending=0
        )

    async def request(self, _subject: str, payload: bytes, **_: Any) -> Any:
        """Return the first message from a sequence on."""
        await self._travel()
        start = json.loads(payload)["seq"]
        first = min((each for each in self._broker.waiting if each >= start), default=None)
        found: dict[str, Any] = {"error": {"code": 404}}
        if first is not None:
            at = datetime.fromtimestamp(self._broker.waiting[first].published_at, self._utc)
            found = {"message": {"seq": first, "time": at.isoformat()}}
        await self._travel()
        return SimpleNamespace(data=json.dumps(found))

    async def publish(
        self,
        _subject: str,
        data: bytes,
        *,
        timeout: float,  # noqa: ASYNC109 - the library's
        headers: dict[str, str],
        **_: Any,
    ) -> Any:
        what = self._broker.chance.at("publish")
        await self._travel()
        if what == "lost":
            await asyncio.sleep(timeout)
            raise NatsTimeoutError
        if what == "refused":
            raise ServiceUnavailableError(code=503, err_code=10077, description="no room")
        sequence = self._broker.take(data, headers)
        if what == "answer lost":
            await asyncio.sleep(timeout)
            raise NatsTimeoutError
        await self._travel()
        return SimpleNamespace(seq=sequence)

    @property
    def _utc(self) -> Any:
        return self._broker.wall.now().tzinfo

    async def _travel(self) -> None:
        await asyncio.sleep(self._broker.chance.seconds(_LATENCY_SECONDS))
        if not self._is_alive:
            await asyncio.Event().wait()


@dataclass
class SimulatedGateway:
    """Accepts requests, and records its promises.

    Attributes:
        broker: Where it publishes.
        wall: Its own clock.
        rejects: Whether its events are dead letters.
        promised: Events answered with a 202.
        was_killed: Whether one of its processes has died.
    """

    broker: LossyBroker
    wall: Wall
    rejects: bool
    promised: list[Promised] = field(default_factory=list)
    was_killed: bool = False
    _telling: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._stop = asyncio.Event()
        self._requests: list[asyncio.Task[None]] = []
        self._start()

    def take(self, events: int) -> None:
        """Receive a request."""
        self._requests.append(asyncio.create_task(self._take(events)))

    async def settle(self) -> None:
        """Wait until all requests are answered."""
        await asyncio.gather(*self._requests)
        self._requests.clear()

    async def kill(self) -> None:
        """Kill the process: nobody gets an answer, and its memory is lost."""
        self.was_killed = True
        self._connection.die()
        tasks = [*self._requests, self._telling]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._requests.clear()
        self._start()

    async def freeze(self, seconds: float) -> None:
        """Freeze for a while."""
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)
        await asyncio.sleep(seconds)
        self._telling = self._start_telling()

    async def stop(self) -> None:
        """Stop in the normal way, with the broker available."""
        await self.settle()
        self._stop.set()
        await self._telling
        with suppress(Unavailable):
            await self._bus.announce()
        await self._bus.announce()

    def _start(self) -> None:
        self._connection = Connection(self.broker)
        self._bus = JetStreamBus(cast("Broker", self._connection), _PUBLISH_SECONDS)
        self._telling = self._start_telling()

    def _start_telling(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._bus.announce_when_idle(self._stop))

    async def _take(self, events: int) -> None:
        taken = [a_facebook_event(eventId=self._new_id()) for _ in range(events)]
        with suppress(Unavailable):
            if self.rejects:
                letters = [
                    a_letter(payload=raw(event), accepted_at=self.wall.now()) for event in taken
                ]
                await self._bus.publish_dead_letters(letters)
            else:
                part = a_part(*map(raw, taken), accepted_at=self.wall.now())
                await self._bus.publish("facebook", part)
            self.promised += [
                Promised(event_key("facebook", event["eventId"]), raw(event)) for event in taken
            ]

    def _new_id(self) -> str:
        return f"good-{self.broker.chance.random.getrandbits(64):x}"
