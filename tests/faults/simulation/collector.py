"""A collector's process: the real loops on a simulated connection and store, restarted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar, cast

from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.events.rows import EventRow
from functions.fb_collector.handler import handle
from functions.messages import EnvelopeOutcome, Stored
from runtime.bus.settling import Settling
from runtime.bus.work import MessageHandler, dead_letter_work, event_work
from runtime.jetstream.consumer import Consumer
from runtime.jetstream.pull import Pull
from runtime.telemetry.metrics import ConsumerMetrics, EventMetrics
from tests.doubles.fakes import FakeEventStore
from tests.durables import FB_COLLECTOR
from tests.faults.simulation.broker import ACK_WAIT_SECONDS, SimulatedBroker, SimulatedClient
from tests.faults.simulation.schedule import Chance, Place

_LOOPS = 2
_COMMIT_SECONDS = 0.5
_RESTART_SECONDS = 3.0
_METRICS = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
_EVENTS = EventMetrics(CollectorRegistry(), FB_COLLECTOR.name)

Die = Callable[[], Awaitable[None]]
Answer = TypeVar("Answer")


class SimulatedStore:
    """One process's access to the shared database.

    Args:
        database: Holds rows and letters.
        chance: The faults.
        die: Ends the process that calls.
    """

    def __init__(self, database: FakeEventStore, chance: Chance, die: Die) -> None:
        self._database = database
        self._chance = chance
        self._die = die

    async def settle(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        await self._meet(row.event_id.encode() for outcome in outcomes for row in outcome.rows)
        return await self._transact("settle", partial(self._database.settle, outcomes))

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        return await self.settle([EnvelopeOutcome(None, rows)])

    async def keep(self, outcomes: Sequence[EnvelopeOutcome]) -> Stored:
        opened = (outcome for outcome in outcomes if not outcome.unread)
        await self._meet(letter.payload for outcome in opened for letter in outcome.letters)
        return await self._transact("settle", partial(self._database.keep, outcomes))

    async def probe(self, rows: Sequence[EventRow]) -> None:
        await self._meet(row.event_id.encode() for row in rows)
        await self._transact("probe", partial(self._database.probe, rows))

    async def _meet(self, things: Iterable[bytes]) -> None:
        """End the process if one of these is deadly."""
        if any(b"deadly-" in thing for thing in things):
            await self._die()

    async def _transact(self, place: Place, do: Callable[[], Awaitable[Answer]]) -> Answer:
        what = self._chance.at(place)
        await asyncio.sleep(self._chance.seconds(_COMMIT_SECONDS))
        if what == "slow":
            await asyncio.sleep(2 * ACK_WAIT_SECONDS)
        if what == "killed before":
            await self._die()
        if what == "away":
            raise Unavailable("away")
        if what == "crashes":
            raise ZeroDivisionError
        answer = await do()
        if what == "killed after":
            await self._die()
        if what == "answer lost":
            raise Unavailable("answer lost")
        return answer


class SimulatedAttempts:
    """One process's access to the shared marks; implements ``Attempts``.

    Args:
        marks: How many each message has.
        chance: The faults.
        die: Ends the process that calls.
    """

    def __init__(self, marks: Counter[bytes], chance: Chance, die: Die) -> None:
        self._marks = marks
        self._chance = chance
        self._die = die

    async def begin(self, message_id: bytes) -> int:
        async with self._going_wrong():
            self._marks[message_id] += 1
            return self._marks[message_id] - 1

    async def end(self, message_id: bytes) -> None:
        async with self._going_wrong():
            del self._marks[message_id]

    @asynccontextmanager
    async def _going_wrong(self) -> AsyncIterator[None]:
        what = self._chance.at("mark")
        if what == "killed before":
            await self._die()
        if what == "away":
            raise Unavailable("away")
        yield
        if what == "killed after":
            await self._die()
        if what == "answer lost":
            raise Unavailable("answer lost")


class SimulatedCollector:
    """Runs a collector until it is stopped."""

    def __init__(
        self,
        broker: SimulatedBroker,
        database: FakeEventStore,
        marks: Counter[bytes],
        on_ack: Callable[[int], None],
        kind: type[Settling[Any, Any]],
    ) -> None:
        self._broker = broker
        self._database = database
        self._marks = marks
        self._on_ack = on_ack
        self._kind = kind

    async def run(self, stop: asyncio.Event) -> None:
        """Run and die until told to stop."""
        while not stop.is_set():
            await self._live(stop)
            await asyncio.sleep(self._broker.chance.seconds(_RESTART_SECONDS))

    async def _live(self, stop: asyncio.Event) -> None:
        """Run the loops until they have stopped, one has failed, or all are killed."""
        killed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def die() -> None:
            client.is_alive = False
            if not killed.done():
                killed.set_result(None)
            await asyncio.Event().wait()

        client = SimulatedClient(self._broker, die, self._on_ack)
        store = SimulatedStore(self._database, self._broker.chance, die)
        attempts = SimulatedAttempts(self._marks, self._broker.chance, die)
        consumer: Consumer[Any] = Consumer(self._work(store, attempts), _METRICS, answers=_answer)
        consumer._settling.__class__ = self._kind  # noqa: SLF001 - what is put on trial
        loops = [asyncio.create_task(_consume(consumer, client, stop)) for _ in range(_LOOPS)]
        ended = asyncio.create_task(asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION))
        await asyncio.wait((ended, killed), return_when=asyncio.FIRST_COMPLETED)
        await client.close()
        for task in (ended, *loops):
            task.cancel()
        await asyncio.gather(ended, *loops, return_exceptions=True)

    def _work(self, store: SimulatedStore, attempts: SimulatedAttempts) -> MessageHandler[Any]:
        if self._broker.chance.schedule.rejected:
            return dead_letter_work(store, _METRICS, attempts)
        collect = partial(handle, store=store)
        return event_work("facebook", collect, store, _METRICS, _EVENTS, attempts=attempts)


async def _answer() -> None:
    """Answer, like a database that may fail at the next moment."""


def _consume(consumer: Consumer[Any], client: Any, stop: asyncio.Event) -> Any:
    pull = Pull(cast("Client", client), FB_COLLECTOR, max_messages=3, max_bytes=2**20)
    return consumer.run(pull, stop)
